/** A detached checkpoint leaves the server as it was, also inside what other libraries have put around it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { solicited } from '../../src/guard/server-events.ts';
import { checkpointedServer } from '../support/checkpointed-server.ts';
import { exchange } from '../support/raw-client.ts';

const foreign = 'GET / HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n';
const status = async (port: number) => (await exchange(port, foreign)).responses[0]?.status;

test('detaching leaves no listener, and the emit of before', async (t) => {
  const { server, checkpoint, port, detach } = await checkpointedServer(t);
  const counts = () => solicited.map((event) => server.listenerCount(event));
  assert.equal(await status(port), 421);
  assert.deepEqual(counts(), [1, 1, 1]);
  detach();
  const own = server.emit;
  assert.deepEqual(counts(), [0, 0, 0]);
  assert.equal(await status(port), 200);
  checkpoint.attach(server).detach();
  assert.equal(server.emit, own, 'and nothing grows each time');
});

test('detaching keeps an emit that another library has wrapped around it, and judges nothing in it', async (t) => {
  const { server, checkpoint, port, detach } = await checkpointedServer(t);
  const wrapped = server.emit;
  const outer: typeof server.emit = (event: string, ...args: unknown[]) =>
    wrapped.call(server, event as never, ...args);
  server.emit = outer;
  detach();
  assert.equal(server.emit, outer);
  assert.equal(await status(port), 200);
  const attach = () => checkpoint.attach(server);
  attach();
  assert.equal(await status(port), 421);
  assert.throws(attach, { code: 'SEKISHO_ERR_GUARDED_ALREADY' }, 'attached again, and only once');
});

test('detaching one of two checkpoints leaves the other in force', async (t) => {
  const { server, checkpoint, port, detach } = await checkpointedServer(t);
  detach();
  const places = [{}, {}].map((app) => checkpoint.attach(server, app));
  places[1]!.detach();
  assert.equal(await status(port), 421);
  places[0]!.detach();
  assert.equal(await status(port), 200);
  places[0]!.detach();
});
