/** Plain HTTP on a TLS port, redirects to https, and bodies that are too long. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { after, suite, test } from 'node:test';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const { cert, key } = await certificate(owner, ['www.example.net']);
const backend = await recordingBackend(owner, {
  answer: () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
});
const sites = `
sites: [{ hosts: [www.example.net, gate.example.net, "*.shop.example.net", "[2001:db8::80]"], backend: "${backend.url}", maxBody: 1KiB }]
bans: false
rateLimit: false
`;
const secure = await runGateway(
  owner,
  sites,
  `listen: [{ address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }]\n`,
);
const host = 'Host: www.example.net\r\n';
const http2 = { tls: { servername: 'www.example.net' } };

suite('plain HTTP on a TLS port', () => {
  for (const method of ['GET', 'DELETE', 'OPTIONS']) {
    test(`${method} gets a 400 that says so`, async () => {
      const { responses } = await exchange(
        secure.port,
        `${method} / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
      );
      assert.equal(responses[0]?.status, 400);
      assert.match(responses[0]!.body.toString('latin1'), /HTTPS/);
    });
  }

  test('never reaches the backend; probes are recorded as usual', async () => {
    const before = backend.requests.length;
    const { responses } = await exchange(
      secure.port,
      'CONNECT mx.example.org:25 HTTP/1.1\r\nHost: mx.example.org:25\r\n\r\n',
    );
    assert.equal(responses[0]?.status, 405);
    await eventually(() => secure.events.at(-1)?.rule === 'connect', 'it is recorded');
    const socks = await exchange(secure.port, Buffer.from([5, 1, 0]));
    await eventually(() => secure.events.at(-1)?.rule === 'socks5', 'so is the other');
    assert.doesNotMatch(socks.text, /^\x05/);
    await exchange(secure.port, `GET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
    assert.equal(backend.requests.length, before);
  });

  test('a lone first byte, or none, does not block other clients', async () => {
    const alone = await exchange(secure.port, ['G', `ET / HTTP/1.1\r\n${host}Connection: close\r\n\r\n`]);
    assert.equal(alone.responses[0]?.status, 400);
    const silent = await exchange(secure.port, '', { halfClose: true });
    assert.deepEqual([silent.text, silent.ended], ['', 'closed']);
    const spoken = await exchange(secure.port, `GET / HTTP/1.1\r\n${host}\r\n`, { ...http2, until: 1 });
    assert.equal(spoken.responses[0]?.status, 200);
  });
});

suite('redirect: https', async () => {
  const httpsPort = await freePort();
  const plain = await runGateway(
    owner,
    sites,
    `listen: [{ address: "127.0.0.1:0", redirect: https }, { address: "127.0.0.1:${httpsPort}", tls: { cert: "${cert}", key: "${key}" } }]\n`,
  );
  const ask = async (head: string) => {
    const { responses } = await exchange(plain.port, head, { until: 1 });
    const location: string | null = responses[0]?.headers.get('location')?.join() ?? null;
    return [responses[0]?.status ?? 0, location] as const;
  };
  const rows: readonly (readonly [string, number, string])[] = [
    ['GET /a?b=c HTTP/1.1\r\nHost: www.example.net\r\n\r\n', 301, 'www.example.net/a?b=c'],
    ['HEAD / HTTP/1.1\r\nHost: gate.example.net\r\n\r\n', 301, 'gate.example.net/'],
    ['GET / HTTP/1.1\r\nHost: WWW.example.NET:80\r\n\r\n', 301, 'www.example.net/'],
    ['GET / HTTP/1.1\r\nHost: a.shop.example.net\r\n\r\n', 301, 'a.shop.example.net/'],
    ['GET / HTTP/1.1\r\nHost: [2001:db8::80]\r\n\r\n', 301, '[2001:db8::80]/'],
    ['GET / HTTP/1.0\r\n\r\n', 301, 'www.example.net/'],
    ['GET http://gate.example.net/x HTTP/1.1\r\nHost: gate.example.net\r\n\r\n', 301, 'gate.example.net/x'],
    [
      'POST /form HTTP/1.1\r\nHost: www.example.net\r\nContent-Length: 5\r\n\r\nhello',
      308,
      'www.example.net/form',
    ],
    ['OPTIONS * HTTP/1.1\r\nHost: www.example.net\r\n\r\n', 308, 'www.example.net/'],
    [
      'GET /.well-known/acme-challenge/../a HTTP/1.1\r\nHost: www.example.net\r\n\r\n',
      301,
      'www.example.net/.well-known/acme-challenge/../a',
    ],
  ];
  for (const [head, status, where] of rows) {
    test(`sends ${JSON.stringify(head.split('\r\n\r\n')[0])} to ${where}`, async () => {
      const [name, path] = [where.slice(0, where.indexOf('/')), where.slice(where.indexOf('/'))];
      assert.deepEqual(await ask(head), [status, `https://${name}:${httpsPort}${path}`]);
    });
  }

  test('never redirects to a foreign host: probes are refused', async () => {
    const before = backend.requests.length;
    for (const head of [
      'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n',
      'GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n',
      'CONNECT www.example.net:443 HTTP/1.1\r\nHost: www.example.net:443\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: www.example.net\r\nHost: evil.example\r\n\r\n',
    ]) {
      const [status, location] = await ask(head);
      assert.ok(status >= 400, `${head}: ${status}`);
      assert.equal(location, null);
    }
    assert.equal(backend.requests.length, before);
  });

  test('forwards ACME challenges to the backend', async () => {
    assert.deepEqual(
      await ask('GET /.well-known/acme-challenge/to-ken_1 HTTP/1.1\r\nHost: www.example.net\r\n\r\n'),
      [200, null],
    );
    assert.match(backend.requests.at(-1)!.requestLine, /to-ken_1/);
  });

  test('serves several requests per connection, and drops unread bodies', async () => {
    const { responses } = await exchange(
      plain.port,
      `GET /1 HTTP/1.1\r\n${host}\r\nGET /2 HTTP/1.1\r\n${host}\r\n`,
      { until: 2 },
    );
    assert.deepEqual(
      responses.map(({ status }) => status),
      [301, 301],
    );
    const long = await exchange(
      plain.port,
      [`POST / HTTP/1.1\r\n${host}Content-Length: 100000\r\n\r\n`, 'x'.repeat(100_000)],
      { until: 1 },
    );
    assert.equal(long.responses[0]?.status, 308);
  });
});

suite('sites[].maxBody', () => {
  const post = (more: string, body = ''): string => `POST / HTTP/1.1\r\n${host}${more}\r\n${body}`;
  const tls = { ...http2, methods: ['POST'] };
  const chunk = (size: number): string => `${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`;

  test('accepts a body at the limit, and refuses one byte more', async () => {
    const fits = await exchange(secure.port, post('Content-Length: 1024\r\n', 'x'.repeat(1024)), {
      ...tls,
      until: 1,
    });
    assert.equal(fits.responses[0]?.status, 200);
    assert.equal(backend.requests.at(-1)!.body.length, 1024);
    const before = backend.requests.length;
    const longer = await exchange(secure.port, post('Content-Length: 1025\r\n', 'x'.repeat(1025)), tls);
    assert.deepEqual([longer.responses.map(({ status }) => status), longer.ended], [[413], 'closed']);
    assert.equal(backend.requests.length, before);
  });

  test('a long body is refused before it is sent, and its sender reads the answer', async () => {
    const waits = await exchange(
      secure.port,
      post('Content-Length: 5000000\r\nExpect: 100-continue\r\n'),
      tls,
    );
    assert.deepEqual(
      waits.responses.map(({ status }) => status),
      [413],
    );
    const pushes = await exchange(
      secure.port,
      [post('Content-Length: 500000\r\n'), 'x'.repeat(500_000)],
      tls,
    );
    assert.deepEqual(
      pushes.responses.map(({ status }) => status),
      [413],
    );
  });

  test('a chunked body is refused once it exceeds the limit', async () => {
    const chunked = 'Transfer-Encoding: chunked\r\n';
    const fits = await exchange(secure.port, post(chunked, `${chunk(1024)}0\r\n\r\n`), { ...tls, until: 1 });
    assert.equal(fits.responses[0]?.status, 200);
    const before = backend.requests.length;
    for (const body of [`${chunk(1025)}0\r\n\r\n`, chunk(1025)]) {
      const longer = await exchange(secure.port, post(chunked, body), tls);
      assert.deepEqual(
        longer.responses.map(({ status }) => status),
        [413],
      );
    }
    const slowly = await exchange(secure.port, [post(chunked), chunk(600), chunk(600), chunk(600)], tls);
    assert.deepEqual(
      slowly.responses.map(({ status }) => status),
      [413],
    );
    assert.equal(backend.requests.length, before);
  });
});

suite('sites[].maxBody over HTTP/2', () => {
  const ask = async (size: number, length: boolean): Promise<number> => {
    const session = connectHttp2(`https://127.0.0.1:${secure.port}`, {
      rejectUnauthorized: false,
      servername: 'www.example.net',
    });
    try {
      const stream = session.request({
        ':method': 'POST',
        ':authority': 'www.example.net',
        ...(length ? { 'content-length': size } : {}),
      });
      stream.on('error', () => {});
      stream.end('x'.repeat(size));
      const [response] = (await once(stream, 'response')) as [{ ':status': number }];
      return response[':status'];
    } finally {
      session.destroy();
    }
  };

  test('is enforced with and without Content-Length', async () => {
    for (const length of [true, false]) {
      assert.equal(await ask(1024, length), 200);
      assert.equal(backend.requests.at(-1)!.body.length, 1024);
      const before = backend.requests.length;
      assert.equal(await ask(1025, length), 413);
      assert.equal(await ask(200_000, length), 413);
      assert.equal(backend.requests.length, before);
    }
  });
});
