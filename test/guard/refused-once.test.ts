/** Whatever a refused sender still sends: it is recorded once, and the application does not see its parser errors. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { ProbeEvent } from '../../src/events/event.ts';
import { ServerCheckpoint } from '../../src/guard/server-checkpoint.ts';
import { corpusPolicy } from '../support/policy.ts';
import { rawConnection } from '../support/raw-connection.ts';

const { policy, clients } = corpusPolicy();

test('malformed bytes after malformed bytes', async (t) => {
  const events: ProbeEvent[] = [];
  let seen = 0;
  const server = createServer((_, res) => res.end('served')).on('clientError', () => seen++);
  const onError = (error: unknown): never => assert.fail(String(error));
  new ServerCheckpoint({ policy, clients, onEvent: (event) => events.push(event), onError }).attach(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const client = await rawConnection(t, (server.address() as AddressInfo).port);
  client.socket.write('GET / HTTP/1.1\r\nHost: www.example.net\r\nA B: c\r\n\r\n');
  await client.until(/^HTTP\/1\.1 400 /);
  client.socket.end('more that is malformed\r\n\r\n');
  await client.closed;
  assert.deepEqual([events.map(({ rule }) => rule), seen], [['framing'], 0]);
});
