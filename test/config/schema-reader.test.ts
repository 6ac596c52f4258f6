/** Our schema reader finds the same errors as Ajv, and fills in the same defaults. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { parse } from 'yaml';
import { formats } from '../../src/config/schema-faults.ts';
import { configSchema } from '../../src/config/schema-file.ts';
import { type JsonSchema, SchemaReader } from '../../src/config/schema-reader.ts';

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  useDefaults: true,
  allowUnionTypes: true,
  strict: false,
});
for (const [name, check] of Object.entries(formats)) ajv.addFormat(name, check);
const validate = ajv.compile(configSchema);
const reader = new SchemaReader(configSchema, formats);

function compare(document: unknown): void {
  const [theirs, ours] = [structuredClone(document), structuredClone(document)];
  const found = reader
    .errors(ours)
    .map(({ keyword, instancePath, params }) => JSON.stringify([instancePath, keyword, params]));
  validate(theirs);
  const expected = (validate.errors ?? []).map(({ keyword, instancePath, params }) =>
    JSON.stringify([instancePath, keyword, params]),
  );
  assert.deepEqual(found.sort(), expected.sort(), JSON.stringify(document));
  assert.deepEqual(ours, theirs);
}

const files = globSync(['{good,bad}/*.yaml', '../../config/**/*.yaml'], { cwd: import.meta.dirname });
const documents = files.flatMap((file) => {
  try {
    return [parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as unknown];
  } catch {
    return [];
  }
});

/** Every key of the schema, so that random changes hit known keys. */
function* keysOf({ properties = {}, items, anyOf = [] }: JsonSchema): Generator<string> {
  for (const [key, child] of Object.entries(properties)) {
    yield key;
    yield* keysOf(child);
  }
  for (const child of [...(items === undefined ? [] : [items]), ...anyOf]) yield* keysOf(child);
}
const keys = [...new Set(keysOf(configSchema))];

const value = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    '',
    0,
    -1,
    1.5,
    443,
    1e12,
    'flag',
    'block',
    'drop',
    '10s',
    '5x',
    '1MiB',
  ),
  fc.constantFrom<unknown>(
    'a/~b',
    '127.0.0.1:80',
    '10.0.0.0/8',
    'http://127.0.0.1:1',
    'www.example.net',
    'x'.repeat(300),
  ),
  fc.constantFrom<unknown>({}, [], [1], [{}], { a: 1 }, [['a']]),
  fc.dictionary(fc.constantFrom(...keys, 'a/~b'), fc.constantFrom<unknown>(true, '10s', {}, 1), {
    maxKeys: 3,
  }),
);
const change = fc.record({
  at: fc.nat(),
  key: fc.constantFrom(...keys, 'unknown'),
  value,
  remove: fc.boolean(),
});

type Branch = Record<string, unknown> | unknown[];

function branches(node: unknown): Branch[] {
  if (typeof node !== 'object' || node === null) return [];
  return [node as Branch, ...Object.values(node).flatMap(branches)];
}

suite('the schema reader', () => {
  test('agrees with Ajv on the config files of the repository', () => {
    assert.ok(documents.length > 30);
    for (const document of documents) compare(document);
  });

  test('agrees with Ajv on random changes of them', () => {
    const changes = fc.array(change, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.nat(documents.length - 1), changes, (index, all) => {
        const document = structuredClone(documents[index]);
        for (const { at, key, value, remove } of all) {
          const known = branches(document);
          const branch = known[at % Math.max(1, known.length)];
          if (branch === undefined) continue;
          const own = Object.keys(branch);
          const target = at % 2 === 0 && own.length > 0 ? own[at % own.length]! : key;
          if (Array.isArray(branch))
            branch.splice(at % (branch.length + 1), Number(remove), structuredClone(value));
          else if (remove) delete branch[target];
          else branch[target] = structuredClone(value);
        }
        compare(document);
      }),
      { numRuns: 1500 },
    );
  });
});
