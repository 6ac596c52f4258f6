/**
 * WebSocket smuggling: a handshake that the backend declines, followed by a request. A gateway that treats the connection as a
 * tunnel anyway would carry that request past every rule.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const hostLine = 'Host: www.example.net\r\n';
const handshake =
  `GET /first HTTP/1.1\r\n${hostLine}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 777\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const forbidden = 'GET /smuggled HTTP/1.1\r\nHost: evil.example\r\n\r\n';

const declined = {
  '426': 'HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n',
  '200': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  '400 that closes': 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  '101 of another protocol':
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
} as const;

suite('a handshake that is declined', () => {
  for (const [what, answer] of Object.entries(declined)) {
    for (const [how, pieces] of [
      ['at once', [handshake + forbidden]],
      ['after it', [handshake, forbidden]],
    ] as const) {
      test(`with ${what}: a request sent ${how} does not pass`, async (t) => {
        const backend = await recordingBackend(t, { answer });
        const gateway = await runGateway(
          t,
          `sites: [{ hosts: [www.example.net], backend: "${backend.url}", websocket: true }]\nrateLimit: false\n`,
        );
        const reply = await exchange(gateway.port, pieces, { timeout: 800, gap: 100 });
        await delay(50);
        assert.deepEqual(
          backend.requests.map(({ requestLine }) => requestLine),
          ['GET /first HTTP/1.1'],
        );
        assert.deepEqual(backend.faults, []);
        assert.doesNotMatch(reply.text, /^HTTP\/1\.1 101/, 'the client gets no 101');
      });
    }
  }
});
