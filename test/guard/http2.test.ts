/** The checkpoint before Node's HTTP/2 server: pseudo-headers are judged, and refusals follow the rules of HTTP/2. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, beforeEach, suite, test } from 'node:test';
import { compile } from '../../src/config/compile.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import { ServerCheckpoint } from '../../src/guard/server-checkpoint.ts';

const { policy, clients } = compile(
  parseConfig(
    'sites: [{ hosts: [www.example.net], backend: welcome, websocket: true }, { hosts: [static.example.net], backend: welcome }]',
    '.',
  ),
);
const events: ProbeEvent[] = [];
const served: string[] = [];
const checkpoint = new ServerCheckpoint({
  policy,
  clients,
  onEvent: (event) => events.push(event),
  onError: (error) => assert.fail(error as Error),
});
const server = createServer({ settings: { enableConnectProtocol: true } }, (req, res) => {
  served.push(`${req.method} ${req.url} ${req.authority}`);
  req.resume();
  res.end('served');
});
checkpoint.attach(server);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
after(() => server.close());
const { port } = server.address() as AddressInfo;

async function session(): Promise<ClientHttp2Session> {
  const client = connect(`http://127.0.0.1:${port}`);
  client.on('error', () => {});
  after(() => client.destroy());
  await once(client, 'remoteSettings');
  return client;
}

async function send(
  headers: OutgoingHttpHeaders,
  { body = '', client }: { body?: string | null; client?: ClientHttp2Session } = {},
): Promise<{ headers: IncomingHttpHeaders; text: string; code: number }> {
  const stream = (client ?? (await session())).request(headers, { endStream: false });
  stream.on('error', () => {});
  if (body === null) stream.write('x');
  else stream.end(body);
  let got: IncomingHttpHeaders = {};
  let text = '';
  stream.on('response', (head) => {
    got = head;
  });
  stream.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  const closed = Promise.withResolvers<void>();
  stream.on('close', closed.resolve);
  await closed.promise;
  return { headers: got, text, code: stream.rstCode };
}

const own = { ':authority': 'www.example.net', ':scheme': 'http', ':path': '/a' };

suite('the checkpoint before an HTTP/2 server', () => {
  beforeEach(() => {
    events.length = 0;
    served.length = 0;
  });

  test('a request for a site of ours is served and not recorded', async () => {
    const reply = await send(own);
    assert.equal(reply.headers[':status'], 200);
    assert.deepEqual(served, ['GET /a www.example.net']);
    assert.deepEqual(events, []);
  });

  const refused: [string, OutgoingHttpHeaders, number, string][] = [
    ['a foreign :authority', { ...own, ':authority': 'www.example.com' }, 421, 'host-foreign'],
    [
      'a host that differs from :authority',
      { ...own, host: 'static.example.net' },
      400,
      'authority-mismatch',
    ],
    ['a :scheme of another protocol', { ...own, ':scheme': 'ftp' }, 400, 'absolute-form-scheme'],
    ['CONNECT', { ':method': 'CONNECT', ':authority': 'mail.example.com:25' }, 405, 'connect'],
    ['CONNECT to ourselves', { ':method': 'CONNECT', ':authority': 'www.example.net:443' }, 405, 'connect'],
    [
      'extended CONNECT for an unknown protocol',
      { ...own, ':method': 'CONNECT', ':protocol': 'connect-udp' },
      405,
      'extended-connect',
    ],
    [
      'WebSocket where the site has none',
      { ...own, ':authority': 'static.example.net', ':method': 'CONNECT', ':protocol': 'websocket' },
      405,
      'extended-connect',
    ],
    ['TRACE', { ...own, ':method': 'TRACE' }, 405, 'trace'],
    [
      'a Proxy-Authorization field',
      { ...own, 'proxy-authorization': 'Basic Og==' },
      400,
      'proxy-authorization',
    ],
  ];
  for (const [what, headers, status, rule] of refused) {
    test(`${what} is refused with ${status}`, async () => {
      const reply = await send(headers);
      assert.equal(reply.headers[':status'], status);
      assert.equal(reply.headers.connection, undefined, 'HTTP/2 knows no Connection field');
      assert.match(reply.text, new RegExp(`^${status} `));
      assert.deepEqual(served, []);
      assert.deepEqual(
        events.map((event) => [event.action, event.rule, event.client]),
        [['block', rule, '127.0.0.1']],
      );
    });
  }

  for (const headers of [
    { ...own, ':authority': 'www.example.net@evil' },
    { ...own, ':path': 'http://www.example.com/' },
  ]) {
    test(`${headers[':authority']} ${headers[':path']} is refused by Node's HTTP/2 itself`, async () => {
      const reply = await send(headers);
      assert.equal(reply.headers[':status'], undefined);
      assert.equal(reply.code, constants.NGHTTP2_PROTOCOL_ERROR);
      assert.deepEqual(served, []);
    });
  }

  test('a refused HEAD gets no body', async () => {
    const reply = await send({ ...own, ':authority': 'www.example.com', ':method': 'HEAD' });
    assert.equal(reply.headers[':status'], 421);
    assert.equal(reply.text, '');
  });

  test('the body of a refused request is kept as evidence', async () => {
    const reply = await send(
      { ...own, ':authority': 'www.example.com', ':method': 'POST' },
      { body: 'probe' },
    );
    assert.equal(reply.headers[':status'], 421);
    assert.match(events[0]!.bytes, /^POST \/a HTTP\/2\.0.*:authority: www\.example\.com.*probe$/);
  });

  test('a body that never ends does not hold the stream open', async () => {
    const reply = await send({ ...own, ':authority': 'www.example.com', ':method': 'POST' }, { body: null });
    assert.equal(reply.headers[':status'], 421);
    assert.equal(events.length, 1);
  });

  test('an expectation is only answered after the verdict', async () => {
    const reply = await send({ ...own, ':authority': 'www.example.com', expect: '100-continue' });
    assert.equal(reply.headers[':status'], 421);
    const odd = await send({ ...own, ':authority': 'www.example.com', expect: 'applause' });
    assert.equal(odd.headers[':status'], 421);
    assert.equal((await send({ ...own, expect: '100-continue' })).headers[':status'], 200);
    assert.equal((await send({ ...own, expect: 'applause' })).headers[':status'], 417);
  });

  test('a client that waits for a 100 gets it after the verdict', async () => {
    const stream = (await session()).request({ ...own, ':method': 'POST', expect: '100-continue' });
    await once(stream, 'continue');
    stream.end('body');
    const [head] = await once(stream, 'response');
    assert.equal(head[':status'], 200);
  });

  test('an expectation on a stream that has closed meanwhile is not answered, and harms no other', async () => {
    const close = (req: Http2ServerRequest, res: Http2ServerResponse) => {
      server.off('request', close);
      req.stream.close();
      server.emit('checkContinue', req, res);
    };
    server.prependListener('request', close);
    const client = await session();
    await send({ ...own, expect: '100-continue' }, { client });
    assert.equal((await send(own, { client })).headers[':status'], 200);
  });

  test('WebSocket over HTTP/2 is left to an application that carries it, unless it is refused', async () => {
    const carry = (_: Http2ServerRequest, res: Http2ServerResponse) => void res.writeHead(200).end('carried');
    server.on('connect', carry);
    try {
      const handshake = { ...own, ':method': 'CONNECT', ':protocol': 'websocket' };
      assert.equal((await send(handshake)).text, 'carried');
      assert.equal((await send({ ...handshake, ':authority': 'www.example.com' })).headers[':status'], 405);
    } finally {
      server.off('connect', carry);
    }
  });

  test('WebSocket over HTTP/2 gets no 2xx where no application carries it', async () => {
    const reply = await send({ ...own, ':method': 'CONNECT', ':protocol': 'websocket' });
    assert.equal(reply.headers[':status'], 501);
  });

  test('after a refusal the other streams finish, then the connection closes', async () => {
    const client = await session();
    const [before, probe, behind] = await Promise.all([
      send(own, { client }),
      send({ ...own, ':authority': 'www.example.com' }, { client }),
      send(own, { client }),
    ]);
    assert.equal(before.headers[':status'], 200);
    assert.equal(probe.headers[':status'], 421);
    assert.equal(behind.headers[':status'], 200);
    if (!client.closed) await once(client, 'close');
  });
});
