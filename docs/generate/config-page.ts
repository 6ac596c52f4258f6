/** The config page, from the schema. */
import { fileSchema } from '../../src/config/file-schema.ts';
import { generatedNote } from './note.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly fix?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

const intro = `# Config

Every setting of the YAML file that \`--config\` names. A key that is not listed here is an error, and so is an invalid
value: \`sekisho check --config FILE\` reports all errors at once, each with its line and the fix. Editors that
support JSON Schema complete and check the file as you type if it begins with

\`\`\`yaml
# yaml-language-server: $schema=./sekisho.schema.json
\`\`\`

(with the path from your file to [config/sekisho.schema.json](../../config/sekisho.schema.json)). The smallest config:

\`\`\`yaml
sites:
  - hosts: [www.example.net]
    backend: http://127.0.0.1:8081
\`\`\`
`;

export function configPage(): string {
  const top = fileSchema() as Schema;
  const sections = Object.entries(top.properties!).flatMap(([key, schema]) => [
    ...settings(key, schema, 2, top.required?.includes(key) ?? false),
  ]);
  return [generatedNote('src/config/schema.ts'), intro, ...sections].join('\n');
}

/** A setting, and those inside it one level deeper. */
function* settings(path: string, schema: Schema, level: number, required: boolean): Generator<string> {
  // One property for each rule; the rules page has them.
  const isRules = /(?:^|\.)policy\.rules$/.test(path);
  const description = isRules ? rulesText : (schema.description ?? '');
  const lines = [`${'#'.repeat(level)} \`${path}\``, '', description, ''];
  const value = valueText(schema);
  if (value !== null) lines.push(`- Value: ${value}`);
  if (required) lines.push('- Required');
  else if (schema.default !== undefined && !isGroup(schema))
    lines.push(`- Default: ${defaultText(schema.default)}`);
  yield `${lines.join('\n').trimEnd()}\n`;
  if (isRules) return;
  const deeper = Math.min(level + 1, 6);
  const { prefix, properties, requiredKeys } = inner(path, schema);
  for (const [key, child] of Object.entries(properties))
    yield* settings(`${prefix}.${key}`, child, deeper, requiredKeys.includes(key));
}

const rulesText =
  'Rules that differ from the preset: rule id → action, or a map with `action` and `answer`. ' +
  'See [all rules](rules.md) and their possible actions.';

/** A map that only groups settings, which have their own defaults. */
const isGroup = ({ type, properties }: Schema): boolean => properties !== undefined && !Array.isArray(type);

function inner(
  path: string,
  schema: Schema,
): { prefix: string; properties: Readonly<Record<string, Schema>>; requiredKeys: readonly string[] } {
  const item = schema.items;
  const holder = [schema, item, ...(item?.anyOf ?? []), ...(schema.anyOf ?? [])].find(
    (one) => one?.properties !== undefined,
  );
  const inList = item !== undefined && holder !== schema;
  return {
    prefix: inList ? `${path}[]` : path,
    properties: holder?.properties ?? {},
    requiredKeys: holder?.required ?? [],
  };
}

/** The accepted values; null if the settings inside say it. */
function valueText(schema: Schema): string | null {
  if (schema.enum !== undefined) return schema.enum.map((one) => `\`${one}\``).join(', ');
  const { items } = schema;
  if (items !== undefined) {
    const what = items.fix === undefined ? null : items.fix.replace(/^write /, '');
    const more = items.description === undefined ? '' : ` ${items.description}`;
    return what === null ? `a list.${more}` : `a list. Each entry: ${what}.${more}`;
  }
  if (schema.properties !== undefined) {
    return Array.isArray(schema.type) && schema.type.includes('boolean')
      ? '`false`, or a map of the settings below'
      : null;
  }
  return schema.fix === undefined ? null : schema.fix.replace(/^write /, '');
}

function defaultText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : `\`[${value.join(', ')}]\``;
  if (typeof value === 'object' && value !== null) return 'on, with the defaults below';
  return `\`${value}\``;
}
