/** Which connections to a backend carry another exchange: the next client must not get what belongs to the one before. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { BackendConnection } from '../support/raw-backend.ts';
import { ok, pool } from './pool-peer.ts';

suite('a pool', () => {
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
});
