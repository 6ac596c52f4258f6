/** Client certificates (mTLS): which clients are admitted, and the name that backends get, which can't be forged. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { distinguishedName } from '../../src/listener/client-certificate.ts';
import { certificate, type TestCertificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const folder = await tempDir(owner, 'mtls');
const [server, gate, ca, otherCa] = await Promise.all([
  certificate(owner, ['www.example.net'], folder),
  certificate(owner, ['gate.example.net'], folder),
  certificate(owner, ['authority.example.net'], folder),
  certificate(owner, ['other-authority.example.net'], folder),
]);

/** @param subject in the syntax of `openssl req -subj` */
function signed(by: TestCertificate, name: string, subject: string): ConnectionOptions {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const out = ['-utf8', '-subj', subject, '-keyout', key, '-out', cert];
  const args = ['req', '-x509', '-CA', by.cert, '-CAkey', by.key, ...ec, ...out];
  execFileSync('openssl', args, { stdio: 'pipe', timeout: 20_000 });
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

const alice = signed(ca, 'alice', '/DC=net/DC=example/O=Example, "Ltd"/CN=alice');
const aliceName = 'CN=alice,O=Example\\, \\"Ltd\\",DC=example,DC=net';
const mallory = signed(otherCa, 'mallory', '/CN=alice');
const nobody = signed(ca, 'nobody', '/');

const backend = await recordingBackend(owner, {
  answer: () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
});
const sites = `
sites: [{ hosts: [www.example.net, gate.example.net], backend: "${backend.url}" }]
bans: false
rateLimit: false
policy: { preset: observe }
`;
const pair = ({ cert, key }: TestCertificate): string => `cert: "${cert}", key: "${key}"`;
const listening = (verify: string, authority = ca.cert) =>
  `listen: [{ address: "127.0.0.1:0", tls: [{ ${pair(server)}, clients: { ca: "${authority}"${verify} } }, { ${pair(gate)} }] }]\n`;
const require = await runGateway(owner, sites, listening(''));
const request = await runGateway(owner, sites, listening(', verify: request'));

const forged = ['X-Client-Cert-Subject', 'x_client_cert_subject', 'X-Client_Cert-Subject'];
const forging =
  `POST / HTTP/1.1\r\nHost: www.example.net\r\nConnection: close, X-Client-Cert-Subject\r\nTransfer-Encoding: chunked\r\n` +
  `${forged.map((name) => `${name}: CN=root\r\n`).join('')}\r\n2\r\nhi\r\n0\r\n${forged.map((name) => `${name}: CN=root\r\n`).join('')}\r\n`;

/** The names that the backend got; null: the request did not reach it. */
async function told(port: number, tls: ConnectionOptions | null): Promise<string[] | null> {
  const before = backend.requests.length;
  const options = tls === null ? {} : { tls: { servername: 'www.example.net', ...tls } };
  await exchange(port, forging, options).catch(() => {});
  if (backend.requests.length === before) return null;
  const { headerLines, trailers } = backend.requests.at(-1)!;
  return [...headerLines, ...trailers].filter((line) => /^x.client.cert/i.test(line));
}

suite('a listener that requires certificates', () => {
  test('passes on the certificate name, and none of the fields that the client sent', async () => {
    assert.deepEqual(await told(require.port, alice), [`X-Client-Cert-Subject: ${aliceName}`]);
  });

  for (const [what, tls] of [
    ['no certificate', {}],
    ['one of another authority', mallory],
    ['one that names nobody', nobody],
  ] as const)
    for (const servername of ['www.example.net', 'gate.example.net'])
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
        test(`refuses a client with ${what}: ${servername}, ${maxVersion}`, async () =>
          assert.equal(await told(require.port, { ...tls, servername, maxVersion }), null));

  test('trusts the same CA with every server certificate, and in resumed sessions', async () => {
    const options = { port: require.port, host: '127.0.0.1', rejectUnauthorized: false, ...alice };
    const first = connectTls({ ...options, servername: 'gate.example.net', maxVersion: 'TLSv1.2' });
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    const again = { ...alice, servername: 'gate.example.net', maxVersion: 'TLSv1.2', session } as const;
    assert.deepEqual(await told(require.port, again), [`X-Client-Cert-Subject: ${aliceName}`]);
  });

  test('passes the name on over HTTP/2 as well', async () => {
    const session = connectHttp2(`https://127.0.0.1:${require.port}`, {
      rejectUnauthorized: false,
      servername: 'www.example.net',
      ...alice,
    });
    const stream = session.request({
      ':authority': 'www.example.net',
      'x-client-cert-subject': 'CN=root',
      x_client_cert_subject: 'CN=root',
    });
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    session.destroy();
    assert.equal(headers[':status'], 200);
    const lines = backend.requests.at(-1)!.headerLines.filter((line) => /^x.client.cert/i.test(line));
    assert.deepEqual(lines, [`X-Client-Cert-Subject: ${aliceName}`]);
  });
});

suite('a listener that requests them', () => {
  test('passes on the name of a client that shows one', async () => {
    assert.deepEqual(await told(request.port, alice), [`X-Client-Cert-Subject: ${aliceName}`]);
  });

  test('serves those without one, unnamed', async () => assert.deepEqual(await told(request.port, {}), []));

  test('refuses a client with an invalid one', async () => {
    assert.equal(await told(request.port, mallory), null);
    assert.equal(await told(request.port, nobody), null);
  });
});

test('a listener without client certificates, plain or TLS, passes no name on', async (t) => {
  const plain = await runGateway(t, sites);
  assert.deepEqual(await told(plain.port, null), []);
  const secure = await runGateway(
    t,
    sites,
    `listen: [{ address: "127.0.0.1:0", tls: { ${pair(server)} } }]\n`,
  );
  assert.deepEqual(await told(secure.port, alice), []);
});

test('after its file changes the new CA is trusted, and the old one no longer', async (t) => {
  const authority = join(folder, 'authority-in-use.pem');
  copyFileSync(ca.cert, authority);
  const listen = listening('', authority);
  const { port, gateway } = await runGateway(t, sites, listen);
  assert.notEqual(await told(port, alice), null);
  copyFileSync(otherCa.cert, authority);
  const { parseConfig } = await import('../../src/config/load.ts');
  gateway.reload(parseConfig(listen + sites, '.'));
  assert.equal(await told(port, alice), null);
  assert.deepEqual(await told(port, mallory), ['X-Client-Cert-Subject: CN=alice']);
});

suite('a distinguished name as text', () => {
  test('is the same as that of OpenSSL and nginx', async (t) => {
    for (const [at, subject] of [
      '/CN=ali;ce <a>+b=c',
      '/O=#hash/CN= space ',
      '/C=DE/O=Bücher/CN=x\\\\y',
    ].entries()) {
      const { cert } = signed(ca, `odd-${at}`, subject);
      const args = [
        'x509',
        '-noout',
        '-subject',
        '-nameopt',
        'RFC2253',
        '-in',
        join(folder, `odd-${at}.pem`),
      ];
      const theirs = execFileSync('openssl', args, { encoding: 'utf8' }).replace(/^subject=|\n$/g, '');
      const { X509Certificate } = await import('node:crypto');
      const { subject: parts } = new X509Certificate(cert as Buffer).toLegacyObject();
      const ours = distinguishedName(parts as unknown as Record<string, string>);
      t.diagnostic(ours);
      assert.equal(
        ours.replaceAll('\\=', '='),
        theirs.replace(/\\[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
      );
    }
  });

  test('is one line of visible ASCII, and different names give different texts', () => {
    const subject = fc.array(
      fc.tuple(fc.constantFrom('CN', 'O', 'OU'), fc.string({ unit: 'binary', minLength: 1 })),
      { minLength: 1, maxLength: 3 },
    );
    const text = (parts: readonly (readonly [string, string])[]) =>
      distinguishedName(Object.fromEntries(parts));
    fc.assert(
      fc.property(subject, subject, (one, two) => {
        assert.match(text(one), /^[\x20-\x7e]+$/);
        const same = JSON.stringify(Object.fromEntries(one)) === JSON.stringify(Object.fromEntries(two));
        assert.equal(text(one) === text(two), same);
      }),
    );
  });
});
