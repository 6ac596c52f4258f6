/** One attempt between raw backends and a client's side that records its calls. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { Attempt, type ClientSide, type OutgoingRequest } from '../../src/forward/attempt.ts';
import { Backend, BackendGroup } from '../../src/forward/backend-group.ts';
import { Pool } from '../../src/forward/pool.ts';
import type { ResponseHead } from '../../src/wire/response-head.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { watchDials } from '../support/no-dial.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';
import { upstreamGet } from '../support/upstream-get.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const answering = ({ socket }: BackendConnection): unknown => socket.on('data', () => socket.write(ok));
const get: OutgoingRequest = {
  ...upstreamGet,
  login: false,
  address: '192.0.2.1',
  secure: false,
  sticky: null,
};

class Side implements ClientSide {
  readonly connection = null;
  readonly calls: string[] = [];
  onReady = (): unknown => this.calls.push('ready');
  onInformation = ({ status }: ResponseHead): unknown => this.calls.push(`information ${status}`);
  onHead = ({ status }: ResponseHead, whole: string | null): unknown =>
    this.calls.push(`head ${status} ${whole}`);
  onUpgrade = (): unknown => this.calls.push('upgrade');
  onData = (data: Buffer): unknown => this.calls.push(`data ${data}`);
  onEnd = (): unknown => this.calls.push('end');
  onFailure = ({ status }: { status: number }): unknown => this.calls.push(`failure ${status}`);
  onDrain = (): unknown => this.calls.push('drain');
}

function attempts(t: TestContext, ports: readonly number[], maxConnections = 4, resend = true) {
  const failures: string[] = [];
  const limits = { connect: 2000, headers: 2000, body: 2000, maxQueue: 4, queueTimeout: 2000, idle: 60_000 };
  const group = new BackendGroup(
    ports.map(
      (port) =>
        new Backend(new Pool({ kind: 'tcp', host: '127.0.0.1', port }, { ...limits, maxConnections }), 1),
    ),
    { balance: 'round-robin', health: null, onChange: () => {} },
  );
  t.after(() => group.close());
  const watch = { onFailure: ({ message }: Error) => failures.push(message), resend };
  const start = (request = get, side = new Side()) => {
    const attempt = new Attempt(watch, group, request, side as never);
    attempt.start();
    return { attempt, side };
  };
  return { start, failures, group };
}

const over = (side: Side): Promise<void> =>
  eventually(() => side.calls.some((line) => /^(?:head .* \w|end|failure)/.test(line)), 'it is over');

suite('an attempt', () => {
  test('sends the request and passes the answer on', async (t) => {
    const { start } = attempts(t, [(await rawBackend(t, answering)).port]);
    const { side, attempt } = start();
    await over(side);
    assert.deepEqual(side.calls, ['ready', 'head 200 ok']);
    assert.match(attempt.backend!.name, /^127\.0\.0\.1:/);
    assert.equal(attempt.write(Buffer.from('late')), true, 'the rest of a body is discarded, not awaited');
  });

  test('passes 1xx on, except 100, which the front end sends', async (t) => {
    const informed = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${ok}`;
    const backend = await rawBackend(t, ({ socket }) => socket.on('data', () => socket.write(informed)));
    const { side } = attempts(t, [backend.port]).start();
    await over(side);
    assert.deepEqual(side.calls, ['ready', 'information 103', 'head 200 ok']);
  });

  test('takes methods that do not pass out of the Allow of an answer to OPTIONS, and of a 405', async (t) => {
    for (const [method, status, kept] of [
      ['OPTIONS', 200, false],
      ['GET', 405, false],
      ['GET', 200, true],
    ] as const) {
      const answer = ok.replace('200 OK\r\n', `${status} x\r\nAllow: GET, TRACE\r\n`);
      const backend = await rawBackend(t, ({ socket }) => socket.on('data', () => socket.write(answer)));
      const asking = new Side();
      let fields = '';
      asking.onHead = (head, whole) => {
        fields = head.fields;
        asking.calls.push(`head ${head.status} ${whole}`);
      };
      attempts(t, [backend.port]).start({ ...get, method }, asking);
      await over(asking);
      assert.equal(/TRACE/.test(fields), kept, `${method} ${status}: ${fields}`);
    }
  });

  test('leaves an idle connection, which ends when its group closes', async (t) => {
    const backend = await rawBackend(t, answering);
    const { start, group } = attempts(t, [backend.port]);
    await over(start().side);
    group.close();
    await backend.connections[0]!.ended;
  });

  test('an empty piece of a chunked body does not end the body', async (t) => {
    const backend = await rawBackend(t, async ({ socket, until }) => {
      await until(/0\r\n\r\n$/);
      socket.write(ok);
    });
    const { start } = attempts(t, [backend.port]);
    const head = 'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const { attempt, side } = start({ ...get, method: 'PUT', framing: 'chunked', head, ended: false });
    await eventually(() => side.calls.includes('ready'), 'the backend takes the body');
    attempt.write(Buffer.alloc(0));
    attempt.write(Buffer.from('some'));
    attempt.finish([]);
    await over(side);
    assert.equal(backend.connections[0]!.text(), `${head}4\r\nsome\r\n0\r\n\r\n`);
  });

  test('tries a single backend twice: it may be starting', async (t) => {
    const dead = await freePort();
    const dials = watchDials(t);
    await over(attempts(t, [dead]).start().side);
    assert.equal(
      dials.dials.filter(({ kind, destination }) => kind === 'connect' && destination === `127.0.0.1:${dead}`)
        .length,
      2,
    );
  });

  test('tries every backend once where none accepts a connection', async (t) => {
    const dead = [await freePort(), await freePort(), await freePort()];
    const { start, failures } = attempts(t, dead);
    const { side } = start();
    await over(side);
    assert.deepEqual(side.calls, ['failure 502']);
    assert.equal(failures.length, 1);
  });

  test('finds the one backend that accepts connections', async (t) => {
    const { start, failures } = attempts(t, [
      await freePort(),
      await freePort(),
      (await rawBackend(t, answering)).port,
    ]);
    for (let i = 0; i < 3; i++) {
      const { side } = start();
      await over(side);
      assert.deepEqual(side.calls, ['ready', 'head 200 ok']);
    }
    assert.deepEqual(failures, []);
  });

  for (const [what, method, resend, expected] of [
    ['is sent again once where it may be repeated', 'GET', true, ['ready', 'ready', 'failure 502']],
    ['is not sent again where its method may not be repeated', 'POST', true, ['ready', 'failure 502']],
    ['is not sent again where the config forbids it', 'GET', false, ['ready', 'failure 502']],
  ] as const)
    test(`a request that a kept connection loses ${what}`, async (t) => {
      const backend = await rawBackend(t, ({ socket }) => {
        let asked = 0;
        socket.on('data', () => (asked++ === 0 ? socket.write(ok) : socket.destroy()));
      });
      const { start } = attempts(t, [backend.port], 4, resend);
      // Two kept connections, and both are closing.
      const first = [start(), start()];
      for (const { side } of first) await over(side);
      const { side } = start({ ...get, method, head: get.head.replace('GET', method) });
      await over(side);
      assert.deepEqual(side.calls, expected);
      assert.equal(backend.connections.length, 2);
    });

  test('is not retried after it has streamed some of its body', async (t) => {
    const backend = await rawBackend(t, async ({ socket, until }, number) => {
      await until(/\r\n\r\n/);
      if (number === 0) socket.write(ok);
      await until(/more/);
      socket.destroy();
    });
    const { start } = attempts(t, [backend.port]);
    await over(start().side);
    const head = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n';
    const put = {
      ...get,
      method: 'PUT',
      framing: 'length',
      head,
      body: Buffer.from('some'),
      ended: false,
    } as const;
    const { attempt, side } = start(put);
    await eventually(() => side.calls.includes('ready'), 'the backend takes the body');
    attempt.write(Buffer.from('more'));
    await over(side);
    assert.deepEqual(side.calls, ['ready', 'failure 502']);
    assert.equal(backend.connections.length, 1);
  });

  test('fails where the client side throws on the answer, and its backend connection is not reused', async (t) => {
    const backend = await rawBackend(t, answering);
    const { start } = attempts(t, [backend.port]);
    const refusing = new Side();
    refusing.onHead = () => {
      throw new TypeError('no such field');
    };
    start(get, refusing);
    await over(refusing);
    assert.deepEqual(refusing.calls, ['ready', 'failure 502']);
    await over(start().side);
    assert.equal(backend.connections.length, 2);
  });

  test('leaves the queue when cancelled, and calls nobody', async (t) => {
    const backend = await rawBackend(t, async ({ socket, until }) => {
      await until(/\r\n\r\n/);
      setTimeout(() => socket.write(ok), 50);
    });
    const { start, group, failures } = attempts(t, [backend.port], 1);
    const first = start();
    const second = start();
    assert.equal(group.backends[0]!.load, 2);
    second.attempt.cancel();
    assert.equal(group.backends[0]!.load, 1);
    assert.equal(second.attempt.write(Buffer.from('late')), true, 'the rest of a body is discarded');
    await over(first.side);
    first.attempt.cancel();
    assert.deepEqual([second.side.calls, failures], [[], []]);
  });
});
