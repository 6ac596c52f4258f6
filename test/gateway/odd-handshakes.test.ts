/** Odd handshakes: with a body, or reset as soon as they are sent. They must not crash the process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, beforeEach, suite, test } from 'node:test';
import { get, hostLine, ok } from '../support/behind-gateway.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const crashes: unknown[] = [];
process.on('uncaughtExceptionMonitor', (error) => crashes.push(error));
after(() => assert.deepEqual(crashes, [], 'nothing crashed'));

const backend = await recordingBackend(owner, { answer: () => ok });
const sites = `
sites:
  - { hosts: [www.example.net], backend: "${backend.url}", websocket: true }
  - { hosts: [welcome.example.net], backend: welcome }
rateLimit: false
bans: false
`;
const gateway = await runGateway(owner, sites);
let before = 0;
beforeEach(() => {
  before = backend.requests.length;
});
/** Requests that the backend got in this test, with their bodies. */
const got = (): string[] =>
  backend.requests
    .slice(before)
    .map(({ requestLine, body }) => `${requestLine.replace(' HTTP/1.1', '')} ${body}`.trim());

suite('a WebSocket handshake with a body', () => {
  const handshake = `GET /ws HTTP/1.1\r\n${hostLine}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`;
  for (const [what, pieces] of [
    ['of a length', [`${handshake}Content-Length: 3\r\n\r\nabc`]],
    ['of a length, in two packets', [`${handshake}Content-Length: 3\r\n\r\na`, 'bc']],
    ['of a length, that comes later', [`${handshake}Content-Length: 3\r\n\r\n`, 'abc']],
    ['in chunks', [`${handshake}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`]],
    [
      'in chunks, in two packets',
      [`${handshake}Transfer-Encoding: chunked\r\n\r\n3\r\na`, 'bc\r\n0\r\n\r\n'],
    ],
  ] as const)
    test(`${what} is an ordinary request`, async () => {
      const reply = await exchange(gateway.port, [...pieces], { until: 1, gap: 30 });
      assert.equal(reply.responses[0]?.status, 200, reply.text);
      assert.deepEqual(got(), ['GET /ws abc']);
      const { headerLines } = backend.requests.at(-1)!;
      assert.ok(
        !headerLines.some((line) => /^(?:upgrade:|connection:.*upgrade)/i.test(line)),
        headerLines.join(),
      );
    });

  test('that never arrives: no crash', async () => {
    await exchange(gateway.port, `${handshake}Content-Length: 3\r\n\r\na`, { timeout: 200 });
    assert.equal((await exchange(gateway.port, get, { until: 1 })).responses[0]?.status, 200);
  });
});

suite('over HTTP/2', () => {
  for (const host of ['www.example.net', 'welcome.example.net'])
    for (const method of ['HEAD', 'GET', 'POST'])
      test(`${method} to ${host} with Expect, reset by its client: no crash`, async (t) => {
        const { cert, key } = await certificate(t, ['www.example.net']);
        const secure = await runGateway(
          t,
          sites,
          `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
        );
        const session = await http2Session(t, `https://127.0.0.1:${secure.port}`);
        for (let i = 0; i < 5; i++) {
          const stream = session.request(
            { ':method': method, ':path': '/taken-back', ':authority': host, expect: '100-continue' },
            { endStream: false },
          );
          stream.on('error', () => {});
          if (i % 2 === 0 && stream.pending) await once(stream, 'ready');
          stream.close(8);
          await once(stream, 'close');
        }
        const reply = await http2Request(session, { ':path': '/', ':authority': host });
        assert.equal(reply.status, 200);
        await eventually(
          () => secure.gateway.backends.every(({ load }) => load === 0),
          'no exchange is left',
        );
      });
});
