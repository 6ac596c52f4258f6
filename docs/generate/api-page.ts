/** The admin API page, from the OpenAPI document of a running gateway. */
import { ruleIds } from '../../src/rules/catalogue.ts';
import { generatedNote } from './note.ts';
import { described, type JsonSchema, type Operation } from './running.ts';
import { table } from './table.ts';

const intro = `# Admin API

JSON over HTTP on the admin listener, with \`Authorization: Bearer TOKEN\`; without it 401. \`/healthz\` and \`/readyz\` are open. The token is
\`admin.token\` in the config, or the one printed at start. An error is \`{ "error": "…" }\`: what is wrong, and the fix.

\`GET /api/openapi.json\` returns all of this as OpenAPI 3.1, for client generators. [Metrics](metrics.md) are on their own page.
`;

export async function apiPage(): Promise<string> {
  const { openapi } = await described();
  const sections = Object.entries(openapi.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) =>
      section(`${method.toUpperCase()} ${path}`, operation),
    ),
  );
  return [generatedNote('the OpenAPI document of a running gateway'), intro, ...sections].join('\n');
}

function section(
  title: string,
  { summary, description, parameters = [], responses = {} }: Operation,
): string {
  if (summary === undefined) throw new Error(`${title} has no summary: give its route a schema with one`);
  const answer = (responses[200] ?? responses[201])?.content?.['application/json']?.schema;
  const query = parameters
    .filter((one) => one.in === 'query')
    .map(({ name, required = false, description: words = '', schema }) => [
      `\`${name}\``,
      `${kindOf(schema)}${required && schema.default === undefined ? '; required' : ''}`,
      words,
    ]);
  const fields = answer === undefined ? [] : [...fieldsOf(answer, '')];
  return [
    `## \`${title.replaceAll(/\{(\w+|\*)\}/g, (_, name: string) => `{${name === '*' ? 'prefix' : name}}`)}\``,
    '',
    `${summary}.`,
    '',
    ...(description === undefined ? [] : [description, '']),
    ...(query.length === 0 ? [] : [...table(['Query', 'Value', ''], query), '']),
    ...(fields.length === 0 ? [] : [...table(['Answer', 'Value', ''], fields), '']),
  ].join('\n');
}

/** One row for each field of an answer: path, kind, description. */
export function* fieldsOf(schema: JsonSchema, path: string): Generator<string[]> {
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    const full = path === '' ? name : `${path}.${name}`;
    yield [`\`${full}\``, kindOf(child), child.description ?? ''];
    yield* fieldsOf(child, full);
    for (const one of child.anyOf ?? []) yield* fieldsOf(one, full);
    if (child.items !== undefined) yield* fieldsOf(child.items, `${full}[]`);
  }
}

function kindOf(schema: JsonSchema): string {
  const { type, enum: words, anyOf, minimum, maximum, format } = schema;
  if (anyOf !== undefined) return anyOf.map(kindOf).join(' or ');
  if (words?.length === ruleIds.length) return 'a [rule](rules.md)';
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(', ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  const range = minimum === undefined || maximum === undefined ? '' : ` from ${minimum} to ${maximum}`;
  const otherwise = schema.default === undefined ? '' : `, else ${String(schema.default)}`;
  return `${format === 'date-time' ? 'ISO 8601' : (kinds[type ?? ''] ?? type ?? 'anything')}${range}${otherwise}`;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  array: 'list',
  object: 'object',
  null: 'null',
};
