/** An HTTP/1.1 connection to a backend: its deadlines, whose fault they are, and what of an answer it does not take. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { UpstreamConnection } from '../../src/forward/upstream-connection.ts';
import type { UpstreamRequest } from '../../src/forward/upstream-exchange.ts';
import { eventually } from '../support/eventually.ts';
import type { Owner } from '../support/owner.ts';
import { rawBackend } from '../support/raw-backend.ts';
import { upstreamGet } from '../support/upstream-get.ts';
import { pool, Recorder } from './pool-peer.ts';

const upload = (body: Buffer, ended: boolean): UpstreamRequest => ({
  ...upstreamGet,
  method: 'POST',
  framing: 'length',
  head: `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${ended ? body.length : 99_999_999}\r\n\r\n`,
  body,
  ended,
});
const opening = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab';

/** A connection with a clock of the test, whose request the backend has. */
async function asked(owner: Owner, request: UpstreamRequest = upstreamGet) {
  const backend = await rawBackend(owner);
  const clock = { now: 0 };
  const connection = new UpstreamConnection(
    { kind: 'tcp', host: '127.0.0.1', port: backend.port },
    { connect: 1000, headers: 2000, body: 3000 },
    clock,
    () => {},
  );
  owner.after(() => connection.destroy());
  const exchange = new Recorder();
  connection.send(request, exchange);
  const { socket, text } = await backend.connection(0);
  await eventually(() => text().includes('\r\n\r\n'), 'it is asked', 20_000);
  const answer = async (bytes: string): Promise<void> => {
    const before = exchange.seen.length;
    socket.write(bytes);
    await eventually(() => exchange.seen.length > before, 'the answer comes', 20_000);
  };
  /** What has become of it one millisecond before this time, and then. */
  const at = (time: number): string[] => {
    clock.now = time - 1;
    connection.checkDeadline();
    const before = exchange.seen.at(-1) ?? 'nothing';
    clock.now = time;
    connection.checkDeadline();
    return [before, exchange.seen.at(-1) ?? 'nothing'];
  };
  return { connection, exchange, clock, answer, at };
}

suite('the deadline of an exchange', () => {
  test('without a head is that of the backend', async (t) => {
    const { at } = await asked(t);
    assert.deepEqual(at(2000), ['nothing', 'failure 504']);
  });

  for (const [what, ended, status] of [
    ['the client, where its request does not end', false, 408],
    ['the backend, where it has all of the request', true, 504],
  ] as const)
    test(`is kept by ${what}: ${status}`, async (t) => {
      const { at } = await asked(t, upload(Buffer.from('x'), ended));
      assert.deepEqual(at(2000), ['nothing', `failure ${status}`]);
    });

  test('moves while the client sends', async (t) => {
    const { at, connection, clock } = await asked(t, upload(Buffer.from('x'), false));
    clock.now = 1500;
    connection.write(Buffer.from('y'));
    assert.deepEqual(at(3500), ['nothing', 'failure 408']);
  });

  for (const [what, act, from, status] of [
    ['the backend, which stops', () => {}, 500, 504],
    ['the client, which stops reading', (connection: UpstreamConnection) => connection.pause(), 700, 408],
    [
      'the backend, where the client reads again',
      (connection: UpstreamConnection) => {
        connection.pause();
        connection.resume();
      },
      700,
      504,
    ],
  ] as const)
    test(`in the midst of an answer is kept by ${what}: ${status}`, async (t) => {
      const { at, connection, clock, answer, exchange } = await asked(t);
      clock.now = 500;
      await answer(opening);
      const seen = exchange.seen.at(-1);
      clock.now = 700;
      act(connection);
      assert.deepEqual(at(from + 3000), [seen, `failure ${status}`]);
    });
});

suite('an exchange', () => {
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

  test('fails an exchange whose response head does not end', async (t) => {
    const { take } = await pool(t, ({ socket }) =>
      socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(70_000)}`)),
    );
    const first = take();
    first.ask();
    await eventually(() => first.seen.length > 1, 'it fails');
    assert.deepEqual(first.seen, ['connection', 'failure 502']);
  });

  for (const [what, upgrade, protocol, expected] of [
    ['for a request without one', false, 'websocket', 'failure 502'],
    ['to another protocol than WebSocket', true, 'h2c', 'failure 502'],
    ['to WebSocket, in whatever case', true, 'WebSocket', 'upgrade'],
  ] as const)
    test(`with a 101 ${what}: ${expected}`, async (t) => {
      const { exchange, answer } = await asked(t, { ...upstreamGet, upgrade });
      exchange.onUpgrade = () => exchange.seen.push('upgrade');
      await answer(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
      assert.deepEqual(exchange.seen, [expected]);
    });
});
