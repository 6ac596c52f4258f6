/** The connections to one backend: how many, who gets one, and which are not reused. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type PoolBounds, poolKey, tick, type Waiter } from '../../src/forward/bounded-pool.ts';
import { Pool } from '../../src/forward/pool.ts';
import type { UpstreamConnection } from '../../src/forward/upstream-connection.ts';
import type { ResponseSink, UpstreamTimeouts } from '../../src/forward/upstream-exchange.ts';
import { eventually } from '../support/eventually.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const answering = ({ socket }: BackendConnection): unknown => socket.on('data', () => socket.write(ok));

/** Records the calls of an exchange. */
class Recorder implements Waiter, ResponseSink {
  readonly client: EventEmitter | null;
  readonly seen: string[] = [];
  connection: UpstreamConnection | null = null;
  /** Called with the head. */
  onHead: (head: unknown, whole: string | null) => void = (_head, whole) => this.seen.push(`answer ${whole}`);

  constructor(client: EventEmitter | null = null) {
    this.client = client;
  }

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    this.seen.push('connection');
  }

  onFailure({ status }: { status: number }): void {
    this.seen.push(`failure ${status}`);
  }

  ask(path = '/'): void {
    const head = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    this.connection!.send(
      { method: 'GET', framing: 'none', head, body: null, trailers: [], ended: true, upgrade: false },
      this,
    );
  }

  onReady(): void {}
  onUpgrade(): void {}
  onInformation(): void {}
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
}

async function pool(
  t: TestContext,
  serve: (connection: BackendConnection, number: number) => unknown = answering,
  bounds: Partial<PoolBounds & UpstreamTimeouts> = {},
) {
  const backend = await rawBackend(t, serve);
  const made = new Pool(
    { kind: 'tcp', host: '127.0.0.1', port: backend.port },
    {
      connect: 2000,
      headers: 2000,
      body: 2000,
      maxConnections: 2,
      maxQueue: 1,
      queueTimeout: 2000,
      idle: 60_000,
      ...bounds,
    },
  );
  t.after(() => made.close());
  const take = (client: EventEmitter | null = null): Recorder => {
    const recorder = new Recorder(client);
    made.take(recorder);
    return recorder;
  };
  /** Takes one, asks, and waits for the answer. */
  const served = async (client: EventEmitter | null = null): Promise<Recorder> => {
    const recorder = take(client);
    recorder.ask();
    await eventually(() => recorder.seen.includes('answer ok'), 'it is answered');
    return recorder;
  };
  return { pool: made, backend, take, served };
}

suite('a pool', () => {
  test('gives an idle connection to the next exchange', async (t) => {
    const { served, backend } = await pool(t);
    const [first, second] = [await served(), await served()];
    assert.equal(second.connection, first.connection);
    assert.equal(backend.connections.length, 1);
  });

  test('opens at most maxConnections, queues at most maxQueue, and fails the rest', async (t) => {
    const { take, pool: made } = await pool(t);
    const all = [take(), take(), take(), take()];
    assert.deepEqual(
      all.map(({ seen }) => seen),
      [['connection'], ['connection'], [], ['failure 503']],
    );
    assert.equal(made.load, 3);
    all[0]!.ask();
    await eventually(() => all[2]!.connection === all[0]!.connection, 'the one that waits is next');
    assert.equal(made.load, 2);
  });

  test('keeps an idle connection when another one breaks', async (t) => {
    const { served, take, pool: made } = await pool(t);
    const idle = await served();
    const [reused, broken] = [take(), take()];
    reused.ask();
    await eventually(() => reused.seen.includes('answer ok'), 'one is idle again');
    broken.connection!.destroy();
    assert.equal(made.load, 0);
    assert.equal((await served()).connection, idle.connection);
  });

  test('keeps an idle connection for `idle`, then closes it', async (t) => {
    const { now } = performance;
    let later = 1e6;
    t.mock.method(performance, 'now', () => now.call(performance) + later);
    const { served } = await pool(t);
    const { connection } = await served();
    await setTimeout(3 * tick);
    assert.equal(connection!.idle, true);
    later += 61_000;
    await eventually(() => !connection!.idle, 'it is closed');
  });

  test('stops its timer once it is closed and empty', async (t) => {
    const cleared = t.mock.method(globalThis, 'clearInterval').mock;
    const { served, pool: made } = await pool(t);
    await served();
    made.close();
    await eventually(() => cleared.callCount() > 0, 'the timer is stopped');
  });

  test('names its backend in failures', async (t) => {
    const { pool: made, backend } = await pool(t);
    assert.equal(made.name, `127.0.0.1:${backend.port}`);
  });

  test('forgets an exchange that leaves the queue', async (t) => {
    const { take, pool: made } = await pool(t, answering, { maxConnections: 1 });
    const [first, second] = [take(), take()];
    made.leave(second);
    const third = take();
    first.ask();
    await eventually(() => third.connection !== null, 'the third is next');
    assert.deepEqual(second.seen, []);
  });

  test('fails an exchange that waits too long with 503', async (t) => {
    const { take, pool: made } = await pool(t, () => {}, { maxConnections: 1, queueTimeout: 1 });
    // The timer goes on without connections.
    await setTimeout(2 * tick);
    take();
    const second = take();
    await eventually(() => second.seen.join() === 'failure 503', 'it is sent away');
    assert.equal(made.load, 1, 'it waits no more');
  });

  test('opens a connection for a queued exchange when another closes', async (t) => {
    const { take, backend } = await pool(t, answering, { maxConnections: 1 });
    const [first, second] = [take(), take()];
    first.connection!.destroy();
    assert.deepEqual(second.seen, ['connection']);
    assert.notEqual(second.connection, first.connection);
    second.ask();
    await eventually(() => second.seen.includes('answer ok'), 'it works');
    assert.ok(backend.connections.length <= 2);
  });

  for (const [what, serve] of [
    ['that the backend closes', ({ socket }: BackendConnection) => socket.on('data', () => socket.end(ok))],
    [
      'with unrequested bytes',
      ({ socket }: BackendConnection) => socket.on('data', () => socket.write(`${ok}HTTP/1.1 200 OK\r\n`)),
    ],
    [
      'whose answer says close',
      ({ socket }: BackendConnection) =>
        socket.on('data', () => socket.write(ok.replace('\r\n', '\r\nConnection: close\r\n'))),
    ],
  ] as const)
    test(`does not reuse a connection ${what}`, async (t) => {
      const { served, pool: made } = await pool(t, serve);
      const { connection } = await served();
      await eventually(() => made.load === 0 && !connection!.idle, 'it is gone');
      assert.notEqual((await served()).connection, connection);
    });

  for (const [what, first, rest] of [
    ['with', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', ''],
    ['behind', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no', 'k'],
    ['behind the chunks of', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n', '0\r\n\r\n'],
  ] as const)
    test(`a second answer ${what} an answer does not reach the exchange that waits`, async (t) => {
      const stolen = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen';
      const { take, backend } = await pool(
        t,
        ({ socket }, number) =>
          socket.on('data', () => {
            if (number > 0) socket.write(ok);
            else socket.write(rest === '' ? first + stolen : first);
          }),
        { maxConnections: 1 },
      );
      const [one, two] = [take(), take()];
      const asks = two.onConnection;
      two.onConnection = (connection) => {
        asks.call(two, connection);
        two.ask('/two');
      };
      one.ask('/one');
      if (rest !== '') {
        await eventually(() => one.seen.length > 1, 'its head has come');
        backend.connections[0]!.socket.write(rest + stolen);
      }
      await eventually(() => two.seen.length > 1, 'the second is answered');
      assert.deepEqual(two.seen, ['connection', 'answer ok']);
      assert.doesNotMatch(backend.connections[0]!.text(), /two/);
    });

  test('does not reuse a connection for a body that its backend may not expect', async (t) => {
    const { take, served } = await pool(t);
    const first = take();
    first.connection!.send(
      {
        method: 'GET',
        framing: 'length',
        head: 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n',
        body: 'x',
        trailers: [],
        ended: true,
        upgrade: false,
      },
      first,
    );
    await eventually(() => first.seen.includes('answer ok'), 'it is answered');
    assert.notEqual((await served()).connection, first.connection);
  });

  test('does not reuse a connection whose answer came before the end of the request', async (t) => {
    const { take, served } = await pool(t);
    const first = take();
    first.connection!.send(
      {
        method: 'POST',
        framing: 'length',
        head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n',
        body: 'x',
        trailers: [],
        ended: false,
        upgrade: false,
      },
      first,
    );
    await eventually(() => first.seen.includes('answer ok'), 'it is answered');
    assert.notEqual((await served()).connection, first.connection);
  });

  for (const [what, reads, status] of [
    ['a client whose request does not end', true, 408],
    ['a backend that does not read the request', false, 504],
  ] as const)
    test(`blames ${what}`, async (t) => {
      const { take } = await pool(t, ({ socket }) => void (reads ? socket.resume() : socket.pause()), {
        headers: 1,
      });
      const first = take();
      const body = Buffer.alloc(reads ? 1 : 32 * 1024 * 1024);
      first.connection!.send(
        {
          method: 'POST',
          framing: 'length',
          head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n',
          body,
          trailers: [],
          ended: false,
          upgrade: false,
        },
        first,
      );
      await eventually(() => first.seen.length > 1, 'it fails');
      assert.deepEqual(first.seen, ['connection', `failure ${status}`]);
    });

  test('reads again from a connection that was paused at the end of an answer', async (t) => {
    const { take, served, backend } = await pool(t, ({ socket }, number) => {
      let asked = 0;
      socket.on('data', () => {
        if (number > 0 || asked++ > 0) socket.write(ok);
        else socket.write(ok.slice(0, -1));
      });
    });
    const first = take();
    let ended = false;
    first.onEnd = () => {
      ended = true;
    };
    first.ask();
    await eventually(() => first.seen.length > 1, 'its head has come');
    first.onData = () => first.connection!.pause();
    backend.connections[0]!.socket.write('k');
    await eventually(() => ended, 'it is answered');
    assert.equal((await served()).connection, first.connection);
  });

  test('fails an exchange whose response head does not end', async (t) => {
    const { take } = await pool(t, ({ socket }) =>
      socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70_000)}`)),
    );
    const first = take();
    first.ask();
    await eventually(() => first.seen.length > 1, 'it fails');
    assert.deepEqual(first.seen, ['connection', 'failure 502']);
  });

  for (const when of ['with a whole answer', 'with a head']) {
    test(`does not reuse a connection that its exchange destroys ${when}`, async (t) => {
      const head = ok.slice(0, ok.indexOf('ok'));
      const {
        take,
        served,
        pool: made,
      } = await pool(
        t,
        ({ socket }, number) =>
          socket.on('data', () => socket.write(number === 0 && when === 'with a head' ? head : ok)),
        { maxConnections: 1 },
      );
      const first = take();
      let ended = false;
      first.onHead = () => {
        // As where the answer can't be passed on.
        first.connection!.destroy();
        ended = true;
      };
      first.ask();
      await eventually(() => ended, 'the head came');
      assert.equal(made.load, 0);
      assert.notEqual((await served()).connection, first.connection, 'the next one gets a live one');
    });
  }

  test('closes idle connections at once, and the others after their exchange', async (t) => {
    const { take, served, pool: made } = await pool(t);
    const idle = await served();
    const [busy, other] = [take(), take()];
    other.ask();
    await eventually(() => other.seen.includes('answer ok'), 'one is idle again');
    made.close();
    assert.equal(other.connection!.idle, false);
    busy.ask();
    await eventually(
      () => busy.seen.includes('answer ok') && !busy.connection!.idle,
      'it is answered, and ends',
    );
    assert.equal(busy.connection, idle.connection);
  });
});

suite('a connection that a client logs in on', () => {
  test('serves that client only, and closes with it', async (t) => {
    const { take, served, pool: made } = await pool(t);
    const [alice, bob] = [new EventEmitter(), new EventEmitter()];
    const first = take(alice);
    first.connection!.belongTo(alice);
    first.ask();
    await eventually(() => made.keepsFor(alice), 'it is kept for Alice');
    assert.equal(made.load, 0);
    assert.notEqual((await served(bob)).connection, first.connection);
    assert.notEqual((await served()).connection, first.connection);
    assert.equal((await served(alice)).connection, first.connection);
    alice.emit('close');
    assert.equal(made.keepsFor(alice), false);
    assert.equal(alice.listenerCount('close'), 0);
  });

  test('of the same client on another connection is not kept twice', async (t) => {
    const { take, pool: made } = await pool(t);
    const alice = new EventEmitter();
    const both = [take(alice), take(alice)];
    for (const { connection } of both) connection!.belongTo(alice);
    for (const recorder of both) {
      recorder.ask();
      await eventually(() => recorder.seen.includes('answer ok'), 'it is answered');
    }
    await eventually(() => !both[1]!.connection!.idle, 'the second is closed');
    assert.deepEqual([made.load, made.keepsFor(alice)], [0, true]);
    assert.equal(take(alice).connection, both[0]!.connection);
  });

  test('is closed to make room for a queued exchange', async (t) => {
    const { take, served, pool: made } = await pool(t, answering, { maxConnections: 1 });
    const alice = new EventEmitter();
    const first = take(alice);
    first.connection!.belongTo(alice);
    const waiting = take();
    first.ask();
    await eventually(() => waiting.connection !== null, 'it gets one');
    assert.notEqual(waiting.connection, first.connection);
    waiting.ask();
    await eventually(() => waiting.seen.includes('answer ok'), 'it is answered');
    assert.equal(made.keepsFor(alice), false);
    await served();
  });
});

test('the key of a pool has everything that configures its connections', () => {
  const bounds = { maxConnections: 1, maxQueue: 2, queueTimeout: 3, idle: 4 };
  const tls = { servername: 'a', ca: undefined, verify: true, own: undefined };
  const address = { kind: 'tls', host: 'a', port: 1, tls } as const;
  const keys = [
    poolKey(address, bounds),
    poolKey({ ...address, tls: { ...tls, verify: false } }, bounds),
    poolKey({ ...address, tls: { ...tls, ca: 'x' } }, bounds),
    poolKey({ ...address, tls: { ...tls, servername: 'b' } }, bounds),
    poolKey({ ...address, tls: { ...tls, own: { cert: 'x', key: 'y' } } }, bounds),
    poolKey({ ...address, port: 2 }, bounds),
    poolKey({ ...address, http2: true }, bounds),
    poolKey({ kind: 'tcp', host: 'a', port: 1 }, bounds),
    poolKey({ kind: 'tcp', host: 'a', port: 1, http2: true }, bounds),
    poolKey({ kind: 'unix', path: 'a:1' }, bounds),
    ...Object.keys(bounds).map((name) => poolKey(address, { ...bounds, [name]: 9 })),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(poolKey({ ...address, tls: { ...tls } }, { ...bounds }), keys[0]);
});
