/** The facts of a request as Node's objects give them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { connectionOf, hasBody, listenerName, rawHeadersOf, received } from '../../src/guard/received.ts';

const over2 = (rawHeaders: readonly string[], endAfterHeaders = true) =>
  ({ method: 'GET', url: '/a', httpVersion: '2.0', rawHeaders, stream: { endAfterHeaders } }) as never;
const pseudo = [':method', 'GET', ':authority', 'www.example.net', ':scheme', 'https', ':path', '/a'];

suite('a request over HTTP/2', () => {
  test('has its pseudo-headers apart from its fields', () => {
    assert.deepEqual(received(over2([...pseudo, ':protocol', 'websocket', 'host', 'a', 'cookies', 'b'])), {
      ...{ method: 'GET', target: '/a', version: '2.0', rawHeaders: ['host', 'a', 'cookies', 'b'] },
      h2: { authority: 'www.example.net', scheme: 'https', protocol: 'websocket' },
    });
    assert.deepEqual(received(over2(['accept', '*/*'])).h2, { authority: null, scheme: '', protocol: null });
  });

  test('has its cookie crumbs joined into one line, and every other field in order', () => {
    const fields = ['cookie', 'a=1', 'accept', 'cookie', 'cookie', 'b=2', 'x', 'y', 'cookie', 'c=3'];
    assert.deepEqual(received(over2([...pseudo, ...fields])).rawHeaders, [
      ...['accept', 'cookie', 'x', 'y'],
      ...['cookie', 'a=1; b=2; c=3'],
    ]);
  });

  test('has a body unless its head ends the stream', () => {
    assert.equal(hasBody(over2([], true)), false);
    assert.equal(hasBody(over2([], false)), true);
  });
});

test('a request over HTTP/1 has a body by its framing fields', () => {
  const body = (headers: Readonly<Record<string, string>>): boolean => hasBody({ headers } as never);
  assert.deepEqual(
    [{}, { 'content-length': '0' }, { 'content-length': '1' }, { 'transfer-encoding': 'chunked' }].map(body),
    [false, false, true, true],
  );
});

test('raw headers are rebuilt for a request without them', () => {
  const headers = { host: 'a', 'set-cookie': ['b', 'c'], absent: undefined };
  assert.deepEqual(rawHeadersOf({ headers } as never), ['host', 'a', 'set-cookie', 'b', 'set-cookie', 'c']);
  assert.deepEqual(rawHeadersOf({ headers, rawHeaders: [] } as never).slice(0, 2), ['host', 'a']);
  assert.deepEqual(rawHeadersOf({ headers, rawHeaders: ['Host', 'b'] } as never), ['Host', 'b']);
  assert.deepEqual(rawHeadersOf({} as never), []);
});

suite('the facts of a connection', () => {
  const socketOf = (over: object = {}) =>
    ({
      ...{
        remoteAddress: '::ffff:192.0.2.1',
        remotePort: 50_000,
        localAddress: '192.0.2.80',
        localPort: 443,
      },
      ...over,
    }) as never;

  test('hold the port of the client, unless a proxy is the peer', () => {
    const socket = socketOf();
    const { session, ...facts } = connectionOf(socket, '192.0.2.1');
    assert.match(session!, /./);
    assert.deepEqual(facts, {
      ...{ clientPort: 50_000, localAddress: '192.0.2.80', localPort: 443, protocol: 'http/1.1' },
    });
    assert.equal('clientPort' in connectionOf(socket, '203.0.113.9'), false);
    assert.equal(connectionOf(socket, '203.0.113.9').session, session, 'one connection');
    assert.deepEqual(connectionOf(undefined, '192.0.2.1'), {});
  });

  test('hold the TLS name, printable and bounded, and the protocol', () => {
    const servername = `\x1b${'a'.repeat(1000)}`;
    const facts = connectionOf(socketOf({ servername, alpnProtocol: 'h2' }), '192.0.2.1');
    assert.equal(facts.protocol, 'h2');
    assert.match(facts.sni!, /^\\x1ba+$/);
    assert.equal(facts.sni!.length, 255);
  });

  test('are kept when the socket has closed and no longer knows its addresses', () => {
    const socket: Record<string, unknown> = socketOf({ encrypted: true });
    assert.equal(listenerName(socket as never), 'https 192.0.2.80:443');
    const { session } = connectionOf(socket as never, '192.0.2.1');
    Object.assign(socket, { localAddress: undefined, localPort: undefined, remoteAddress: undefined });
    assert.equal(listenerName(socket as never), 'https 192.0.2.80:443');
    const facts = connectionOf(socket as never, '192.0.2.1');
    assert.deepEqual([facts.session, facts.localPort, facts.clientPort], [session, 443, 50_000]);
  });

  test('of a stand-in without addresses are not kept', () => {
    const socket = {} as never;
    assert.equal(listenerName(socket), 'http ?:0');
    assert.deepEqual(connectionOf(socket, '192.0.2.1'), {});
  });
});
