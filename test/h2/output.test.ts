/** The write side of an HTTP/2 connection: order, turns of bodies, both windows, a full socket, and the end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { maxQueued, turnBytes } from '../../src/h2/bounds.ts';
import { Output } from '../../src/h2/output.ts';
import { SentBody } from '../../src/h2/sent-body.ts';
import { FrameReader, frameTypes, maxFrame, maxWindow, pingFrame } from '../../src/wire/h2-frames.ts';
import { eventually } from '../support/eventually.ts';

const patience = 20_000;

async function output(t: TestContext) {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const peer = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    peer.destroy();
    socket.destroy();
    server.close();
  });
  const sent: [bytes: number, whole: boolean][] = [];
  const out = new Output(socket, (bytes, whole) => sent.push([bytes, whole]));
  /** Frames that the peer received, as `stream:bytes`, with `end` where the stream ends; a PING as `ping`. */
  const got: string[] = [];
  const sizes = new Map<number, number>();
  const reader = new FrameReader();
  const read = (): void =>
    void peer.on('data', (bytes: Buffer) =>
      reader.read(bytes, ({ type, stream, flags, start, end }) => {
        sizes.set(stream, (sizes.get(stream) ?? 0) + end - start);
        got.push(type === frameTypes.ping ? 'ping' : `${stream}:${end - start}${flags === 0 ? '' : ' end'}`);
        return true;
      }),
    );
  const body = (stream: number, window = maxWindow) => {
    const done: string[] = [];
    return Object.assign(
      new SentBody(
        stream,
        out,
        window,
        0,
        () => done.push('done'),
        () => done.push('room'),
      ),
      { done },
    );
  };
  /** Waits until the peer has received this many bytes of a stream. */
  const received = (stream: number, bytes: number): Promise<void> =>
    eventually(() => sizes.get(stream) === bytes, `${bytes} bytes of stream ${stream}`, patience);
  /** Waits until everything due has been written and received. */
  const settled = async (): Promise<void> => {
    const before = got.filter((one) => one === 'ping').length;
    out.put(pingFrame('12345678', false));
    await eventually(() => got.filter((one) => one === 'ping').length > before, 'it is received', patience);
  };
  return { out, peer, socket, sent, got, sizes, read, body, received, settled };
}

suite('the bodies of a connection', () => {
  test('take turns, a frame each, after what is due at once', async (t) => {
    const { out, read, got, body, received, sent } = await output(t);
    read();
    const [one, two] = [body(1), body(3)];
    one.push(Buffer.alloc(2 * maxFrame), 0);
    one.push(Buffer.alloc(10), 0);
    two.push(Buffer.alloc(maxFrame + 1), 0);
    two.end('');
    out.put(pingFrame('12345678', false));
    await received(3, maxFrame + 1);
    await received(1, 2 * maxFrame + 10);
    assert.equal(got[0], 'ping');
    const pieces = got.slice(1).map((piece) => piece.split(':')[0]);
    assert.deepEqual(
      pieces.filter((id, i) => id !== pieces[i - 1]),
      ['1', '3', '1', '3', '1'],
    );
    assert.equal(got.filter((piece) => piece.startsWith('3:')).at(-1), '3:1 end');
    assert.deepEqual(sent, [
      [maxFrame, false],
      [maxFrame, false],
      [maxFrame, true],
      [1, true],
      [10, true],
    ]);
    assert.deepEqual([one.done, two.done, one.listed, two.listed], [[], ['done'], false, false]);
  });

  test('wait for the window of their stream without delaying other bodies', async (t) => {
    const { read, got, body, received, settled } = await output(t);
    read();
    const [one, two] = [body(1, 3), body(3)];
    one.push(Buffer.from('abcdef'), 0);
    one.end('');
    two.push(Buffer.from('xyz'), 0);
    await received(3, 3);
    await settled();
    assert.deepEqual(got, ['1:3', '3:3', 'ping']);
    assert.equal(one.widen(-2), true);
    assert.equal(one.widen(2), true);
    await settled();
    assert.equal(one.widen(2), true);
    await received(1, 5);
    one.widen(100);
    await received(1, 6);
    assert.deepEqual(got.slice(3), ['ping', '1:2', '1:1 end']);
  });

  test('wait in order for the window of the connection; an end without a body does not', async (t) => {
    const { out, read, got, body, received, settled } = await output(t);
    read();
    const [full, one, two, three] = [body(1), body(3), body(5), body(7)];
    full.push(Buffer.alloc(65_535), 0);
    await received(1, 65_535);
    one.push(Buffer.from('a'), 0);
    two.push(Buffer.from('bc'), 0);
    three.end('');
    got.length = 0;
    await received(7, 0);
    await settled();
    assert.deepEqual([got, out.window], [['7:0 end', 'ping'], 0]);
    out.widen(2);
    await received(5, 1);
    out.widen(5);
    await received(5, 2);
    assert.deepEqual(got.slice(2), ['3:1', '5:1', '5:1']);
    assert.equal(out.window, 4);
  });

  test('cost nothing while they wait for a window', async (t) => {
    const { out, read, body, received, settled } = await output(t);
    read();
    const [one, two] = [body(1), body(3, 0)];
    one.push(Buffer.alloc(65_536), 0);
    two.push(Buffer.from('a'), 0);
    await received(1, 65_535);
    await settled();
    const turns = t.mock.method(globalThis, 'setImmediate').mock;
    out.flush();
    await new Promise((done) => setTimeout(done, 20));
    assert.equal(turns.callCount(), 0);
  });

  test('are dropped without a trace', async (t) => {
    const { out, read, got, body, settled } = await output(t);
    read();
    const [one, two] = [body(1), body(3)];
    one.push(Buffer.from('a'), 0);
    two.push(Buffer.from('b'), 0);
    one.drop();
    one.drop();
    await settled();
    await settled();
    assert.deepEqual(
      got.filter((piece) => piece !== 'ping'),
      ['3:1'],
    );
    assert.equal(out.window, 65_534);
  });

  test('do not block the event loop: a turn writes a bounded number of bytes', async (t) => {
    const { out, body, received, read, socket } = await output(t);
    out.widen(maxWindow - 65_535);
    const one = body(1);
    const writes: number[] = [];
    const { write } = socket;
    socket.write = ((...args: Parameters<typeof write>) => {
      writes.push(args[0]!.length);
      return write.apply(socket, args);
    }) as typeof write;
    one.push(Buffer.alloc(3 * turnBytes), 0);
    out.flush();
    const written = writes.reduce((sum, bytes) => sum + bytes, 0);
    assert.ok(written >= turnBytes && written < turnBytes + 2 * maxFrame, `${written}`);
    read();
    await received(1, 3 * turnBytes);
  });

  test('are notified of room once half of what they hold is written', async (t) => {
    const { out, body, received, read, settled } = await output(t);
    read();
    const one = body(1, maxQueued / 2 - 1);
    assert.equal(one.push(Buffer.alloc(maxQueued - 1), 0), true);
    assert.equal(one.push(Buffer.alloc(1), 0), false);
    await received(1, maxQueued / 2 - 1);
    await settled();
    assert.deepEqual(one.done, []);
    assert.equal(one.push(Buffer.alloc(0), 0), false, 'it is still full');
    out.widen(1);
    one.widen(1);
    await settled();
    assert.equal(one.queued, maxQueued / 2);
    assert.deepEqual(one.done, ['room']);
  });
});

suite('a full socket', () => {
  test('is not written to; what is due goes out when the peer reads, in order', async (t) => {
    const { out, read, got, body, socket, received } = await output(t);
    out.widen(maxWindow - 65_535);
    const one = body(1);
    const all = 64 * 1024 * 1024;
    one.push(Buffer.alloc(all), 0);
    // Far more than the system buffers for a connection.
    await eventually(() => out.blocked, 'it is full', patience);
    const waiting = socket.writableLength;
    out.put(pingFrame('12345678', false));
    out.flush();
    assert.equal(socket.writableLength, waiting);
    assert.equal(out.unwritten, waiting + 17);
    read();
    await received(1, all);
    assert.equal(out.blocked, false);
    assert.ok(got.includes('ping'));
  });
});

suite('the end of a connection', () => {
  test('comes after everything that is due; waiting bodies are dropped, and the peer is not waited for', async (t) => {
    const { out, read, got, body, peer, socket } = await output(t);
    read();
    body(1, 0).push(Buffer.from('abc'), 0);
    body(3).push(Buffer.from('abc'), 0);
    out.put(pingFrame('12345678', false));
    out.end();
    await eventually(() => peer.readableEnded, 'the peer reads the end', patience);
    assert.deepEqual(got, ['ping']);
    // The peer never closes its own side.
    await eventually(() => socket.destroyed, 'it is closed', patience);
  });

  test('of a full socket waits for the peer to read', async (t) => {
    const { out, read, got, socket, peer } = await output(t);
    out.put(pingFrame('12345678', false).repeat(1_000_000));
    await eventually(() => out.blocked, 'it is full', patience);
    out.put(pingFrame('12345678', false));
    out.end();
    assert.equal(socket.writableEnded, false);
    read();
    await eventually(() => peer.readableEnded, 'the peer reads the end', patience);
    assert.equal(got.length, 1_000_001);
  });

  test('that is destroyed meanwhile writes nothing', async (t) => {
    const { out, socket } = await output(t);
    out.put(pingFrame('12345678', false));
    socket.destroy();
    out.flush();
    assert.equal(socket.bytesWritten, 0);
  });
});
