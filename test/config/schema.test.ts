import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { fileSchema } from '../../src/config/file-schema.ts';
import { jsonSchema } from '../../src/config/schema.ts';
import { ruleIds } from '../../src/rules/catalogue.ts';

const root = `${import.meta.dirname}/../..`;

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: unknown;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

function* nodes(node: Node, path = ''): Generator<{ path: string; node: Node }> {
  yield { path, node };
  for (const [key, child] of Object.entries(node.properties ?? {})) yield* nodes(child, `${path}.${key}`);
  if (node.items !== undefined) yield* nodes(node.items, `${path}[]`);
  for (const branch of node.anyOf ?? []) yield* nodes(branch, path);
}

suite('the schema', () => {
  const all = [...nodes(jsonSchema() as Node)];

  test('is what config/sekisho.schema.json holds; `npm run schema` writes it', () => {
    const written = JSON.parse(readFileSync(`${root}/config/sekisho.schema.json`, 'utf8')) as unknown;
    assert.deepEqual(written, fileSchema());
  });

  test('describes every property', () => {
    for (const { path, node } of all)
      for (const [key, child] of Object.entries(node.properties ?? {}))
        assert.ok((child.description?.length ?? 0) > 7, `${path}.${key}`);
  });

  test('refuses unknown keys in every map', () => {
    for (const { path, node } of all)
      if (node.properties !== undefined) assert.equal(node.additionalProperties, false, path);
  });

  test('knows the rules of the catalogue, in its order', () => {
    const rules = all.find(({ path }) => path === '.policy.rules')!.node.properties!;
    assert.deepEqual(Object.keys(rules), ruleIds);
  });

  test('of the file is a valid schema: it accepts the shipped config and refuses wrong ones', () => {
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(fileSchema());
    assert.ok(
      validate(parse(readFileSync(`${root}/config/sekisho.yaml`, 'utf8'))),
      JSON.stringify(validate.errors),
    );
    const site = { hosts: ['www.example.net'], backend: 'http://127.0.0.1:8081' };
    assert.ok(validate({ sites: [site] }));
    assert.ok(
      validate({ smtp: { listen: '127.0.0.1:25', backend: '127.0.0.1:10025', domains: ['example.net'] } }),
    );
    assert.ok(validate({ decoys: [{ listen: '127.0.0.1:1080', speaks: 'socks' }] }));
    for (const wrong of [
      {},
      { sites: [site], unknown: 1 },
      { sites: [site], timeouts: { connect: '5 seconds' } },
      { sites: [site], trustedProxies: ['proxy.example.net'] },
      { sites: [site], policy: { rules: { connect: 'allow' } } },
      { sites: [{ ...site, policy: { rules: { connect: { answer: 200 } } } }] },
      { sites: [site], bans: true },
    ])
      assert.ok(!validate(wrong), JSON.stringify(wrong));
  });
});
