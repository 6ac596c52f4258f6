/** Listeners with TLS and SNI, HTTP/2, and PROXY headers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { connect as connectHttp2, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { after, suite, test } from 'node:test';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { parseConfig } from '../../src/config/load.ts';
import { certificate } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { runGateway, trustedAddress } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const folder = await tempDir(owner, 'listener');
const first = await certificate(owner, ['www.example.net', 'example.net'], folder);
const second = await certificate(owner, ['gate.example.net'], folder);
const other = await certificate(owner, ['renewed.example.net'], folder);
const backend = await recordingBackend(owner);
const sites = `
sites: [{ hosts: [www.example.net, gate.example.net], backend: "${backend.url}" }]
trustedProxies: [${trustedAddress}]
rateLimit: false
bans: false
`;
const tls = (extra = '') =>
  `listen: [{ address: "127.0.0.1:0", tls: [{ cert: "${first.cert}", key: "${first.key}" }, { cert: "${second.cert}", key: "${second.key}" }]${extra} }]\n`;
const secure = await runGateway(owner, sites, tls());

async function namesShown(port: number, servername?: string): Promise<string | undefined> {
  const socket: TLSSocket = connectTls({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(servername === undefined ? {} : { servername }),
  });
  await once(socket, 'secureConnect');
  const shown: PeerCertificate = socket.getPeerCertificate();
  socket.destroy();
  return shown.subjectaltname;
}

interface H2Reply {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function overHttp2(port: number, headers: OutgoingHttpHeaders, body = ''): Promise<H2Reply> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, {
    rejectUnauthorized: false,
    servername: 'www.example.net',
  });
  try {
    const stream = session.request(
      { ':authority': 'www.example.net', ...headers },
      { endStream: body === '' },
    );
    const answered = once(stream, 'response') as Promise<[IncomingHttpHeaders]>;
    if (body !== '') stream.end(body);
    const [response] = await answered;
    stream.setEncoding('utf8');
    let text = '';
    for await (const chunk of stream) text += chunk;
    return { headers: response, body: text };
  } finally {
    session.destroy();
  }
}

suite('a TLS listener', () => {
  test('shows the certificate for the server name, or else the first one', async () => {
    assert.match((await namesShown(secure.port, 'gate.example.net'))!, /gate/);
    assert.match((await namesShown(secure.port, 'example.net'))!, /www/);
    assert.match((await namesShown(secure.port, 'nobody.example'))!, /www/);
    assert.match((await namesShown(secure.port))!, /www/);
  });

  test('refuses TLS 1.1', async () => {
    const socket = connectTls({
      port: secure.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await assert.rejects(once(socket, 'secureConnect'));
  });

  test('forwards HTTP/1.1 to the backend with X-Forwarded-Proto: https', async () => {
    const reply = await exchange(secure.port, 'GET /a HTTP/1.1\r\nHost: www.example.net\r\n\r\n', {
      tls: { servername: 'www.example.net', ALPNProtocols: ['http/1.1'] },
      until: 1,
    });
    assert.equal(reply.responses[0]?.status, 200);
    const { headerLines } = backend.requests.at(-1)!;
    assert.ok(headerLines.includes('X-Forwarded-Proto: https'), headerLines.join('\n'));
  });

  test('judges the requests inside TLS', async () => {
    const reply = await exchange(
      secure.port,
      'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n',
      { tls: {} },
    );
    assert.equal(reply.responses[0]?.status, 421);
    assert.match(secure.events.at(-1)!.listener, /^https 127\.0\.0\.1:/);
  });

  test('cuts off a request that is too slow', async () => {
    const slow = await runGateway(owner, `${sites}limits: { requestHeaders: 300ms }\n`, tls());
    const reply = await exchange(slow.port, 'GET / HTTP/1.1\r\nHost: www.exam', {
      tls: { ALPNProtocols: ['http/1.1'] },
      timeout: 4000,
    });
    assert.equal(reply.ended, 'closed');
    assert.ok(reply.responses.every(({ status }) => status === 408));
  });

  test('does not count clients that disconnect during the handshake', async () => {
    const few = await runGateway(owner, `${sites}limits: { connectionsPerClient: 3 }\n`, tls());
    const before = '127.0.0.4';
    for (let i = 0; i < 12; i++) {
      const socket = connectTls({
        socket: connectTcp({ port: few.port, host: '127.0.0.1', localAddress: before }),
        rejectUnauthorized: false,
      });
      socket.on('error', () => {});
      // The client's last handshake message is never sent.
      await once(socket, 'secureConnect');
      socket.destroy();
      await once(socket, 'close');
    }
    await eventually(
      async () => {
        const request = 'GET / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';
        const reply = await exchange(few.port, request, {
          from: before,
          tls: { ALPNProtocols: ['http/1.1'] },
        }).catch(() => null);
        return reply?.responses[0]?.status === 200;
      },
      'its connections are free again',
      3000,
    );
  });

  test('shows a renewed certificate after a reload', async () => {
    const renewed = await certificate(owner, ['here.example.net']);
    const config = `listen: [{ address: "127.0.0.1:0", tls: { cert: "${renewed.cert}", key: "${renewed.key}" } }]\n`;
    const { port, gateway } = await runGateway(owner, sites, config);
    assert.match((await namesShown(port))!, /here/);
    copyFileSync(other.cert, renewed.cert);
    copyFileSync(other.key, renewed.key);
    gateway.reload(parseConfig(config + sites, '.'));
    assert.match((await namesShown(port))!, /renewed/);
  });
});

suite('HTTP/2', () => {
  test('is forwarded as HTTP/1.1, with its body and one Cookie line', async () => {
    const reply = await overHttp2(
      secure.port,
      { ':method': 'POST', ':path': '/form?a', cookie: ['a=1', 'b=2'], 'content-type': 'text/plain' },
      'hello',
    );
    assert.equal(reply.headers[':status'], 200);
    assert.equal(reply.body, 'ok');
    const { requestLine, headerLines, body } = backend.requests.at(-1)!;
    assert.equal(requestLine, 'POST /form?a HTTP/1.1');
    assert.ok(headerLines.includes('Host: www.example.net'));
    assert.deepEqual(
      headerLines.filter((line) => /^cookie/i.test(line)),
      ['cookie: a=1; b=2'],
    );
    assert.equal(body.toString(), 'hello');
  });

  test('repeated response fields stay repeated', async () => {
    backend.answerWith(
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok',
    );
    const { headers } = await overHttp2(secure.port, { ':path': '/' });
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(headers['x-hop'], undefined);
    backend.answerWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });

  test('HEAD and 204 have no body', async () => {
    const { headers, body } = await overHttp2(secure.port, { ':method': 'HEAD', ':path': '/' });
    assert.deepEqual([headers[':status'], headers['content-length'], body], [200, '2', '']);
  });

  for (const [what, headers, status] of [
    ['a foreign :authority', { ':authority': 'www.example.com', ':path': '/' }, 421],
    ['CONNECT', { ':method': 'CONNECT', ':authority': 'mail.example.com:25' }, 405],
    ['a host that differs', { ':path': '/', host: 'www.example.com' }, 400],
    ['an absolute :path', { ':path': 'http://www.example.com/' }, 421],
  ] as const) {
    test(`${what} is refused`, async () => {
      const seen = backend.requests.length;
      const reply = await overHttp2(secure.port, headers);
      assert.equal(reply.headers[':status'], status);
      assert.equal(backend.requests.length, seen);
    });
  }
});

suite('PROXY protocol', async () => {
  const gateway = await runGateway(
    owner,
    sites,
    'listen: [{ address: "127.0.0.1:0", proxyProtocol: true }]\n',
  );
  const request = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
  const forwardedFor = (): string | undefined =>
    backend.requests.at(-1)!.headerLines.find((line) => line.startsWith('X-Forwarded-For'));
  const version2 = (source: number[]): Buffer =>
    Buffer.concat([
      Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c', 'latin1'),
      Buffer.from([...source, 127, 0, 0, 1, 4, 0, 0, 80]),
    ]);

  for (const [name, header] of [
    ['version 1', Buffer.from('PROXY TCP4 203.0.113.9 127.0.0.1 1024 80\r\n')],
    ['version 2', version2([203, 0, 113, 9])],
  ] as const) {
    test(`${name} names the client`, async () => {
      const reply = await exchange(gateway.port, Buffer.concat([header, Buffer.from(request)]), {
        from: trustedAddress,
        until: 1,
      });
      assert.equal(reply.responses[0]?.status, 200);
      assert.equal(forwardedFor(), 'X-Forwarded-For: 203.0.113.9');
    });

    test(`${name} in pieces`, async () => {
      const pieces = [...header.toString('latin1')].flatMap((_, i) =>
        i % 9 === 0 ? [header.subarray(i, i + 9)] : [],
      );
      const reply = await exchange(gateway.port, [...pieces, request], { from: trustedAddress, until: 1 });
      assert.equal(reply.responses[0]?.status, 200);
      assert.equal(forwardedFor(), 'X-Forwarded-For: 203.0.113.9');
    });
  }

  test('a header from an untrusted peer is a probe', async () => {
    const reply = await exchange(gateway.port, `PROXY TCP4 203.0.113.9 127.0.0.1 1024 80\r\n${request}`);
    assert.equal(reply.text, '');
    assert.equal(gateway.events.at(-1)?.rule, 'proxy-protocol');
  });

  test('a trusted peer without a header is cut off', async () => {
    assert.equal((await exchange(gateway.port, request, { from: trustedAddress })).text, '');
  });

  test('a header before TLS works too', async () => {
    const both = await runGateway(owner, sites, tls(', proxyProtocol: true'));
    const { createConnection } = await import('node:net');
    const raw = createConnection({ port: both.port, host: '127.0.0.1', localAddress: trustedAddress });
    await once(raw, 'connect');
    raw.write('PROXY TCP4 203.0.113.10 127.0.0.1 1024 443\r\n');
    const socket = connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    await once(socket, 'secureConnect');
    socket.write(request);
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.match(data.toString(), /^HTTP\/1\.1 200/);
    assert.equal(forwardedFor(), 'X-Forwarded-For: 203.0.113.10');
    socket.destroy();
  });
});
