/** The API behaves as its OpenAPI document says. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { listFormats } from '../../src/reports/formats.ts';
import { foreign, type RunningCheckpoint, runCheckpoint, token } from '../support/checkpoint.ts';

interface Operation {
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema }[];
  readonly responses: Readonly<Record<string, { content?: Record<string, { schema: Schema }> }>>;
}

interface Schema {
  readonly [key: string]: unknown;
}

interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const bearer = { authorization: `Bearer ${token}` };
const documentOf = ({ json }: RunningCheckpoint) => json<OpenApi>('/api/openapi.json');

/** Forbids fields that are not in the schema: every field of an answer must be documented. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in copy && copy.additionalProperties === undefined
    ? { ...copy, additionalProperties: false }
    : copy;
}

const ajv = new Ajv2020({
  strict: false,
  formats: { 'date-time': (text: string) => !Number.isNaN(Date.parse(text)) },
});

async function holds(api: OpenApi, method: string, path: string, response: Response): Promise<void> {
  const where = `${method} ${path} ${response.status}`;
  const said = api.paths[path]?.[method]?.responses[response.status];
  assert.ok(said?.content, `${where} is not in the document`);
  const [type] = response.headers.get('content-type')!.split(';');
  const { schema } = said.content[type!] ?? {};
  assert.ok(schema, `${where} answers ${type}, the document says ${Object.keys(said.content)}`);
  if (type !== 'application/json') return void (await response.body?.cancel());
  const check = ajv.compile(closed(schema) as object);
  const body = await response.json();
  assert.ok(check(body), `${where}: ${ajv.errorsText(check.errors)}\n${JSON.stringify(body)}`);
}

suite('the OpenAPI document', () => {
  test('has a summary, parameters, answers and security for each path', async (t) => {
    const api = await documentOf(await runCheckpoint(t));
    assert.match(api.openapi, /^3\.1\./);
    for (const [path, operations] of Object.entries(api.paths))
      for (const [method, { summary, parameters = [], responses, security }] of Object.entries(operations)) {
        const where = `${method} ${path}`;
        assert.ok(summary, where);
        const named = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
        const inPath = parameters.filter((one) => one.in === 'path');
        assert.deepEqual(
          inPath.map(({ name }) => name),
          named,
          where,
        );
        assert.ok(
          inPath.every(({ required }) => required),
          where,
        );
        const good = Object.entries(responses).filter(([status]) => status.startsWith('2'));
        assert.ok(good.length > 0 && good.every(([, { content }]) => content !== undefined), where);
        assert.equal(security?.length === 0, /^\/(?:healthz|readyz)$/.test(path), `${where} is open`);
      }
  });

  for (const [what, yaml] of [
    ['of a gateway with everything', 'alerts: { syslog: "udp://127.0.0.1:9" }\n'],
    ['of one without bans', 'bans: false\n'],
  ] as const)
    test(`has every field of every answer: ${what}`, async (t) => {
      const checkpoint = await runCheckpoint(t, yaml);
      const { probe, written, get, admin, control } = checkpoint;
      const api = await documentOf(checkpoint);
      await probe(foreign('www.example.com', '/azenv.php'));
      await probe('\x05\x01\x00');
      await probe('GET //evil.example/x HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n');
      await written(3);
      const ask = (method: string, path: string, body?: string) =>
        fetch(`${admin}${path}`, {
          method,
          headers: { ...bearer, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
          ...(body === undefined ? {} : { body }),
        });
      const asked = new Set<string>();
      const check = async (method: string, path: string, answer: Response | Promise<Response>) => {
        asked.add(`${method} ${path}`);
        await holds(api, method, path, await answer);
      };
      await check('post', '/api/bans', ask('POST', '/api/bans', '{"prefix":"198.51.100.7","for":"1h"}'));
      await check('post', '/api/bans', ask('POST', '/api/bans', '{}'));
      for (const [path, ...queries] of [
        ['/api/events', '', '?limit=0'],
        ['/api/summary', '', '?from=x'],
        ['/api/export', '', '?format=json', '?rule=none'],
        [
          '/api/report',
          '?client=127.0.0.1',
          '?client=127.0.0.1&format=xarf',
          '?client=127.0.0.1&format=html',
          '?client=192.0.2.1',
          '',
        ],
        ['/api/report', ...listFormats.map((format) => `?format=${format}`), '?format=pdf'],
        ['/api/client', '?client=127.0.0.1', '?client=192.0.2.1', '?client=x', ''],
        ['/api/name', '?client=127.0.0.1', '?client=x'],
        ['/api/origins', '', '?from=x'],
        ['/api/rules', ''],
        ['/api/status', ''],
        ['/api/backends', ''],
        ['/api/fleet', ''],
        ['/api/bans', '', ...(yaml.includes('bans') ? [] : ['?limit=0', '?format=plain'])],
        ['/api/stream', ''],
        ['/metrics', ''],
        ['/healthz', ''],
        ['/readyz', ''],
      ] as const)
        for (const query of queries) await check('get', path, get(`${path}${query}`));
      for (const id of [1, 2, 3, 99]) await check('get', '/api/events/{id}', get(`/api/events/${id}`));
      for (const prefix of ['198.51.100.7', '198.51.100.7', 'nobody'])
        await check('delete', '/api/bans/{*}', ask('DELETE', `/api/bans/${prefix}`));
      control.setReady(false);
      await check('get', '/readyz', get('/readyz'));
      const documented = Object.entries(api.paths).flatMap(([path, operations]) =>
        Object.keys(operations).map((method) => `${method} ${path}`),
      );
      assert.deepEqual([...asked].sort(), documented.sort(), 'every operation of the document was asked');
    });
});
