/**
 * Declined upgrades: they are ordinary requests, and the next request begins where one ends. Node's parser stops at each of them and
 * drops the rest of the packet.
 */
import assert from 'node:assert/strict';
import { after, beforeEach, suite, test } from 'node:test';
import { get, hostLine, ok } from '../support/behind-gateway.ts';
import { runGateway } from '../support/gateway.ts';
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
  - { hosts: [static.example.net], backend: "${backend.url}" }
rateLimit: false
bans: false
`;
const gateway = await runGateway(owner, sites);
let before = 0;
let eventsBefore = 0;
beforeEach(() => {
  before = backend.requests.length;
  eventsBefore = gateway.events.length;
});
/** Requests that the backend got in this test, with their bodies. */
const got = (): string[] =>
  backend.requests
    .slice(before)
    .map(({ requestLine, body }) => `${requestLine.replace(' HTTP/1.1', '')} ${body}`.trim());

const declined = {
  'websocket without permission': 'Host: static.example.net\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
  h2c: `${hostLine}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n`,
  'an unknown protocol': `${hostLine}Connection: Upgrade\r\nUpgrade: foo\r\n`,
  'two protocols': `${hostLine}Connection: Upgrade\r\nUpgrade: foo, websocket\r\n`,
};
const smuggled = `GET /smuggled HTTP/1.1\r\n${hostLine}\r\n`;
const post = `POST /c HTTP/1.1\r\n${hostLine}Content-Length: ${smuggled.length}\r\n\r\n`;

for (const [what, lines] of Object.entries(declined))
  suite(`after a declined upgrade (${what})`, () => {
    const a = `GET /a HTTP/1.1\r\n${lines}\r\n`;
    for (const [how, pieces] of [
      ['in the same packet, its body in the next', [a + post, smuggled]],
      ['in the same packet, and its body too', [a + post + smuggled]],
      ['in two packets', [a + post.slice(0, 20), post.slice(20), smuggled]],
      [
        'after a body',
        [a.replace('GET', 'POST').replace(/\r\n$/, 'Content-Length: 3\r\n\r\nabc') + post, smuggled],
      ],
      [
        'after a body in two packets',
        [`${a.replace('GET', 'POST').replace(/\r\n$/, 'Content-Length: 3\r\n\r\n')}a`, `bc${post}`, smuggled],
      ],
      [
        'after a chunked body',
        [
          `${a.replace('GET', 'POST').replace(/\r\n$/, 'Transfer-Encoding: chunked\r\n\r\n')}3\r\nabc\r\n0\r\n\r\n${post}`,
          smuggled,
        ],
      ],
    ] as const)
      test(`a POST ${how}: its body is not taken for a request`, async () => {
        const reply = await exchange(gateway.port, [...pieces], { until: 2, gap: 30, timeout: 1500 });
        assert.equal(reply.responses[0]?.status, 200, reply.text);
        const [first, ...others] = got();
        assert.match(first ?? '', /^(?:GET|POST) \/a(?: abc)?$/);
        // Served completely, or not at all where the connection closed after the first.
        assert.ok(
          others.length === 0 ? reply.ended !== 'timeout' : others.join() === `POST /c ${smuggled}`.trim(),
          JSON.stringify([others, reply.ended]),
        );
        // Nothing is recorded for what was lost.
        const rules = gateway.events.slice(eventsBefore).map(({ rule }) => rule);
        assert.deepEqual(rules, ['upgrade-unknown']);
      });

    test('the connection stays open where nothing came with it', async () => {
      const reply = await exchange(gateway.port, [a, get], { until: 2, inTurn: true });
      assert.deepEqual(
        reply.responses.map(({ status }) => status),
        [200, 200],
      );
      assert.deepEqual(got(), ['GET /a', 'GET /']);
    });
  });
