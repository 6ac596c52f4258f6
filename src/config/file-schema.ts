import { jsonSchema } from './schema.ts';

/**
 * The schema of the file as it is written: what has a default is not required. (`schema` describes what validation leaves,
 * every default filled in.)
 */
export function fileSchema(): object {
  const copy = relax(jsonSchema()) as Schema;
  // The rules of a site are those of the whole, and there are many: said once.
  const site = copy.properties!.sites!.items!.properties!;
  site.policy!.properties!.rules = { $ref: '#/properties/policy/properties/rules' };
  // Which of the three is the operator's choice; a config with none of them would serve nobody.
  return { ...copy, anyOf: ['sites', 'smtp', 'decoys'].map((name) => ({ required: [name] })) };
}

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  $ref?: string;
}

function relax(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(relax);
  if (typeof node !== 'object' || node === null) return node;
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, relax(value)]));
  const { required, properties } = copy as {
    required?: unknown;
    properties?: Record<string, { default?: unknown }>;
  };
  if (!Array.isArray(required) || properties === undefined) return copy;
  const needed = required.filter((name: string) => properties[name]?.default === undefined);
  const { required: _, ...rest } = copy;
  return needed.length === 0 ? rest : { ...rest, required: needed };
}
