/** The HTTP/2 connections to one backend: what waits for them where Node refuses to dial. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import type { BackendAddress } from '../../src/forward/backend.ts';
import type { Waiter } from '../../src/forward/bounded-pool.ts';
import { StreamPool } from '../../src/forward/stream-pool.ts';
import type { UpstreamError } from '../../src/forward/upstream-error.ts';
import type { Exchange } from '../../src/forward/upstream-exchange.ts';
import { eventually } from '../support/eventually.ts';
import { upstreamGet } from '../support/upstream-get.ts';

class Recorder implements Waiter {
  readonly client = null;
  exchange: Exchange | null = null;
  error: UpstreamError | null = null;
  onConnection(exchange: Exchange): void {
    this.exchange = exchange;
    // Without a request the stream would not count.
    exchange.send(upstreamGet, { ...sink });
  }
  onFailure(error: UpstreamError): void {
    this.error = error;
  }
}
const ignore = (): void => {};
const sink = {
  client: null,
  onReady: ignore,
  onInformation: ignore,
  onHead: ignore,
  onUpgrade: ignore,
  onData: ignore,
  onEnd: ignore,
  onDrain: ignore,
  onFailure: ignore,
};

/** A backend that answers nothing by itself and takes one stream a connection. */
async function backend(t: TestContext) {
  const sessions: ServerHttp2Session[] = [];
  const streams: ServerHttp2Stream[] = [];
  const server = createServer({ settings: { maxConcurrentStreams: 1 } });
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream: ServerHttp2Stream) => streams.push(stream));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions, streams, server };
}

function pool(t: TestContext, address: BackendAddress, maxQueue: number, maxConnections = 2): StreamPool {
  const times = { connect: 5000, headers: 5000, body: 5000, queueTimeout: 60_000, idle: 60_000 };
  const made = new StreamPool(address, { ...times, maxConnections, maxQueue });
  t.after(() => made.close());
  return made;
}

suite('a dial that Node refuses', () => {
  test('leaves nothing in the queue', async (t) => {
    const made = pool(t, { kind: 'tcp', host: '127.0.0.1', port: 65_536, http2: true }, 0);
    for (let i = 0; i < 3; i++) assert.throws(() => made.take(new Recorder()), RangeError);
    assert.equal(made.load, 0);
  });

  test('fails what waits with 502, unsent, while another connection goes on', async (t) => {
    const { port, sessions } = await backend(t);
    const address = { kind: 'tcp', host: '127.0.0.1', port, http2: true } as const;
    const made = pool(t, address, 4);
    const [first, second] = [new Recorder(), new Recorder()];
    made.take(first);
    made.take(second);
    // The first connection is being dialled. Its SETTINGS will say that the second exchange needs another.
    Object.assign(address, { port: 65_536 });
    await eventually(() => second.error !== null, 'it fails');
    assert.match(second.error!.message, /cannot dial/);
    assert.deepEqual([second.error!.status, second.error!.unsent, second.exchange], [502, true, null]);
    assert.notEqual(first.exchange, null);
    assert.deepEqual([made.load, sessions.length], [1, 1]);
  });
});

test('an exchange that waits is not failed by a dial in vain while another connection is busy: it is next there', async (t) => {
  const dialled: Socket[] = [];
  const onDial = (message: unknown): unknown => dialled.push((message as { socket: Socket }).socket);
  subscribe('net.client.socket', onDial);
  t.after(() => unsubscribe('net.client.socket', onDial));
  const { port, streams, server } = await backend(t);
  // Further connections are closed at once.
  server.maxConnections = 1;
  const made = pool(t, { kind: 'tcp', host: '127.0.0.1', port, http2: true }, 4);
  const [first, second] = [new Recorder(), new Recorder()];
  made.take(first);
  made.take(second);
  await eventually(() => streams.length === 1 && dialled[1]?.destroyed === true, 'the second dial fails');
  assert.deepEqual([second.error, second.exchange], [null, null]);
  streams[0]!.respond({ ':status': 204 }, { endStream: true });
  await eventually(() => streams.length === 2, 'it is served on the first connection');
  assert.equal(second.error, null);
});

test('an exchange that waits is next where the client of the one before it leaves', async (t) => {
  const { port, streams } = await backend(t);
  const made = pool(t, { kind: 'tcp', host: '127.0.0.1', port, http2: true }, 4, 1);
  const [first, second] = [new Recorder(), new Recorder()];
  made.take(first);
  made.take(second);
  await eventually(() => streams.length === 1, 'the first is asked', 20_000);
  assert.equal(second.exchange, null);
  first.exchange!.destroy();
  assert.notEqual(second.exchange, null);
  assert.equal(made.load, 1);
});

test('an exchange that waits gets another connection where the only one ends', async (t) => {
  const { port, sessions, streams } = await backend(t);
  const made = pool(t, { kind: 'tcp', host: '127.0.0.1', port, http2: true }, 4, 1);
  const [first, second] = [new Recorder(), new Recorder()];
  made.take(first);
  made.take(second);
  await eventually(() => streams.length === 1, 'the first is asked');
  sessions[0]!.destroy();
  await eventually(() => streams.length === 2, 'the second is asked on another connection');
  assert.deepEqual([second.error, sessions.length, made.load], [null, 2, 1]);
});

test('a pool that closes serves what waits, then ends every connection', async (t) => {
  const { port, sessions, streams } = await backend(t);
  const made = pool(t, { kind: 'tcp', host: '127.0.0.1', port, http2: true }, 4, 1);
  const [first, second] = [new Recorder(), new Recorder()];
  made.take(first);
  made.take(second);
  for (const number of [0, 1]) {
    await eventually(() => streams.length === number + 1, 'it is asked');
    if (number === 0) made.close();
    streams[number]!.respond({ ':status': 204 }, { endStream: true });
  }
  await eventually(() => sessions.every(({ destroyed }) => destroyed), 'nothing is left');
  assert.deepEqual([second.error, made.load], [null, 0]);
});
