import { jsonSchema } from './schema.ts';

/**
 * The schema of a config file: keys with a default are not required. (`schema` describes a document with
 * every default filled in.)
 */
export function fileSchema(): object {
  const copy = relax(jsonSchema()) as Schema;
  // The rules of a site have the schema of the global ones, which is long: written once.
  const site = copy.properties!.sites!.items!.properties!;
  site.policy!.properties!.rules = { $ref: '#/properties/policy/properties/rules' };
  // At least one of the three: a config with none of them serves nobody.
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
