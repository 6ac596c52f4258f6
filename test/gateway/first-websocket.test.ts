/** The first WebSocket of a process: http-proxy is loaded while the backend already sends; order is kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runGateway } from '../support/gateway.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { rawConnection } from '../support/raw-connection.ts';

const handshake =
  'GET /ws HTTP/1.1\r\nHost: www.example.net\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const accepted =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

test('frames and the end that come with the 101 arrive after it, in order', async (t) => {
  const backend = await rawBackend(t);
  const gateway = await runGateway(
    t,
    `sites: [{ hosts: [www.example.net], backend: "${backend.url}", websocket: true }]\n`,
  );
  const client = await rawConnection(t, gateway.port);
  client.socket.write(handshake);
  const upstream = await backend.connection(0);
  await upstream.until(/\r\n\r\n/);
  upstream.socket.write(`${accepted}first `);
  upstream.socket.write('second ');
  upstream.socket.end('third');
  await client.ended;
  assert.match(client.text(), /^HTTP\/1\.1 101 [\s\S]*\r\n\r\nfirst second third$/);
});
