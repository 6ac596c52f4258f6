/** The health check of gRPC, frame by frame: what passes, and what a failure says. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { HealthCheck } from '../../src/forward/health-check.ts';
import { flags, frameTypes, rstStreamFrame } from '../../src/wire/h2-frames.ts';
import { HpackDecoder } from '../../src/wire/hpack-decoder.ts';
import { encodeField } from '../../src/wire/hpack-encoder.ts';
import { eventually } from '../support/eventually.ts';
import { frameBackend, ok } from './frame-backend.ts';
import { data, head, headersOnly } from './stream-peer.ts';

const grpcPath = '/grpc.health.v1.Health/Check';
const serving = '\0\0\0\0\x02\x08\x01';
const status = (code: number | string): string => encodeField('grpc-status', String(code));
const end = (id: number, code = 0): string => headersOnly(id, status(code));

async function checked(t: TestContext, path: string, answer: (id: number) => string) {
  const requests: { fields: readonly string[]; body: string }[] = [];
  const { port } = await frameBackend(
    t,
    () => {},
    [],
    ({ type, stream, bytes, start, end: to, flags: flag }, { say }) => {
      const text = bytes.toString('latin1', start, to);
      if (type === frameTypes.headers) {
        const { fields } = new HpackDecoder().decode(Buffer.from(text, 'latin1'), 0, text.length, 65_536)!;
        requests.push({ fields, body: '' });
      } else if (type === frameTypes.data) requests[0]!.body += text;
      if (type <= frameTypes.headers && (flag & flags.endStream) !== 0) say(answer(stream));
    },
  );
  const results: (string | null)[] = [];
  const check = new HealthCheck(
    { kind: 'tcp', host: '127.0.0.1', port, http2: true },
    { path, host: 'www.example.net', interval: 600_000, timeout: 60_000, rise: 1, fall: 1 },
    (problem) => results.push(problem),
  );
  t.after(() => check.close());
  await eventually(() => results.length > 0, 'it has a result', 20_000);
  return { problem: results[0], requests };
}

suite('a gRPC health check', () => {
  const rows: readonly (readonly [what: string, answer: (id: number) => string, problem: RegExp | null])[] = [
    ['SERVING', (id) => head(id) + data(id, serving) + end(id), null],
    [
      'SERVING in pieces',
      (id) => head(id) + [...serving].map((one) => data(id, one)).join('') + end(id),
      null,
    ],
    [
      'NOT_SERVING',
      (id) => head(id) + data(id, serving.replace('\x01', '\x02')) + end(id),
      /is not serving$/,
    ],
    ['more than SERVING', (id) => head(id) + data(id, `${serving}\0`) + end(id), /is not serving$/],
    ['nothing', (id) => head(id) + end(id), /is not serving$/],
    ['SERVING with an error', (id) => head(id) + data(id, serving) + end(id, 14), /with a grpc-status 14$/],
    ['SERVING without trailers', (id) => head(id) + data(id, serving, true), /grpc-status missing$/],
    [
      'a value that looks like a name',
      (id) =>
        head(id) +
        data(id, serving) +
        headersOnly(id, encodeField('x', 'grpc-status') + encodeField('0', '0')),
      /grpc-status missing$/,
    ],
    ['an error in its head', (id) => head(id, true, status(12)), /with a grpc-status 12$/],
    ['a status in its head, and no message', (id) => head(id, true, status(0)), /is not serving$/],
    ['503', (id) => head(id, false, '', 503), /with 503$/],
    ['404 that ends at once', (id) => head(id, true, status(0), 404), /with 404$/],
    ['a long message', (id) => head(id) + data(id, '\0'.repeat(1024)) + end(id), /is not serving$/],
    ['a longer one', (id) => head(id) + data(id, '\0'.repeat(1025)), /with more than 1024 bytes$/],
    ['a reset', (id) => rstStreamFrame(id, 2), /reset the stream/],
  ];
  for (const [what, answer, expected] of rows)
    test(`${expected === null ? 'passes' : 'fails'} on ${what}`, async (t) => {
      const { problem } = await checked(t, grpcPath, answer);
      if (expected === null) assert.equal(problem, null);
      else assert.match(problem ?? 'it passes', expected);
    });

  test('asks about the server as a whole', async (t) => {
    const { requests } = await checked(t, grpcPath, (id) => head(id) + data(id, serving) + end(id));
    const { fields, body } = requests[0]!;
    const of = (name: string): string | undefined => fields[fields.indexOf(name) + 1];
    assert.deepEqual([':method', ':path', ':scheme', ':authority', 'content-type', 'te'].map(of), [
      'POST',
      grpcPath,
      'http',
      'www.example.net',
      'application/grpc',
      'trailers',
    ]);
    assert.equal(body, '\0'.repeat(5));
  });
});

suite('a health check over HTTP/2 of another path', () => {
  for (const [what, answer, expected] of [
    ['200 with a body', ok, null],
    ['404', (id: number) => head(id, true, '', 404), /\/healthz with 404$/],
  ] as const)
    test(`is a GET: ${what}`, async (t) => {
      const { problem, requests } = await checked(t, '/healthz', answer);
      if (expected === null) assert.equal(problem, null);
      else assert.match(problem ?? '', expected);
      assert.deepEqual([requests[0]!.fields.slice(0, 2), requests[0]!.body], [[':method', 'GET'], '']);
    });
});
