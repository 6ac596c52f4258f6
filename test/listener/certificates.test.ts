/** Which certificates are accepted, shown to which client, and kept when changed files can't be used. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ConnectionOptions, connect, createServer, type PeerCertificate } from 'node:tls';
import { Certificates } from '../../src/listener/certificates.ts';
import { certificate, type TestCertificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import type { Owner } from '../support/owner.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const folder = await tempDir(owner, 'certificates');
const ec = await certificate(owner, ['www.example.net'], folder);
const gate = await certificate(owner, ['gate.example.net'], folder);
const renewed = await certificate(owner, ['renewed.example.net'], folder);
const rsa: TestCertificate = { cert: join(folder, 'rsa.pem'), key: join(folder, 'rsa.key') };
execFileSync(
  'openssl',
  `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=www.example.net -addext subjectAltName=DNS:www.example.net -keyout ${rsa.key} -out ${rsa.cert}`.split(
    ' ',
  ),
  { stdio: 'pipe', timeout: 20_000 },
);

function held(t: Owner, files: readonly TestCertificate[]) {
  const errors: string[] = [];
  const certificates = new Certificates(files, {
    onError: ({ message }) => errors.push(message),
    onReload: () => {},
  });
  t.after(() => certificates.close());
  return { certificates, errors };
}

async function shown(t: Owner, certificates: Certificates, sigalgs: string, servername = 'www.example.net') {
  const server = createServer({
    ...certificates.standard,
    SNICallback: (name, done) => done(null, certificates.contextFor(name)),
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return shownAt(port, { servername, sigalgs });
}

async function shownAt(port: number, options: ConnectionOptions) {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  const peer = socket.getPeerCertificate() as PeerCertificate & { asn1Curve?: string };
  socket.destroy();
  return { names: peer.subjectaltname, kind: peer.asn1Curve === undefined ? 'rsa' : 'ec' };
}

test('a key that does not match its certificate is refused, with both file names', () => {
  for (const key of [rsa.key, gate.key])
    assert.throws(
      () => new Certificates([{ cert: ec.cert, key }], { onError: () => {}, onReload: () => {} }),
      (error: Error) => error.message.includes(`${key} is not the key of ${ec.cert}`),
    );
});

test('with RSA and ECDSA certificates for one name, each client gets the type it supports', async (t) => {
  for (const files of [
    [rsa, ec, gate],
    [ec, gate, rsa],
  ]) {
    const { certificates } = held(t, files);
    for (const servername of ['www.example.net', '']) {
      assert.equal((await shown(t, certificates, 'rsa_pss_rsae_sha256', servername)).kind, 'rsa');
      assert.equal((await shown(t, certificates, 'ECDSA+SHA256', servername)).kind, 'ec');
    }
    const other = await shown(t, certificates, 'ECDSA+SHA256', 'gate.example.net');
    assert.equal(other.names, 'DNS:gate.example.net');
  }
});

test('the same through a listener, for a name other than the first', async (t) => {
  for (const files of [
    [gate, rsa, ec],
    [gate, ec, rsa],
  ]) {
    const listed = files.map(({ cert, key }) => `{ cert: "${cert}", key: "${key}" }`).join(', ');
    const site = 'sites: [{ hosts: [www.example.net, gate.example.net], backend: welcome }]\n';
    const { port } = await runGateway(t, site, `listen: [{ address: "127.0.0.1:0", tls: [${listed}] }]\n`);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const kind = async (sigalgs: string, ciphers?: string) =>
        (
          await shownAt(port, {
            servername: 'www.example.net',
            sigalgs,
            maxVersion,
            ...(ciphers && { ciphers }),
          })
        ).kind;
      assert.equal(await kind('rsa_pss_rsae_sha256'), 'rsa');
      assert.equal(await kind('ECDSA+SHA256'), 'ec');
      assert.equal(await kind('ECDSA+SHA256:rsa_pss_rsae_sha256'), 'ec');
    }
    const old = {
      servername: 'www.example.net',
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-RSA-AES128-GCM-SHA256',
    } as const;
    assert.equal((await shownAt(port, old)).kind, 'rsa');
    assert.equal((await shownAt(port, { servername: 'gate.example.net' })).names, 'DNS:gate.example.net');
  }
});

test('an unusable pair keeps its old certificate while the others are replaced', async (t) => {
  const [first, second] = [
    { cert: join(folder, 'a.pem'), key: join(folder, 'a.key') },
    { cert: join(folder, 'b.pem'), key: join(folder, 'b.key') },
  ];
  for (const [from, to] of [
    [ec, first],
    [gate, second],
  ] as const) {
    copyFileSync(from.cert, to.cert);
    copyFileSync(from.key, to.key);
  }
  const { certificates, errors } = held(t, [first, second]);
  copyFileSync(rsa.key, first.key);
  copyFileSync(renewed.cert, second.cert);
  copyFileSync(renewed.key, second.key);
  certificates.reload();
  assert.equal(errors.length, 1);
  assert.match(errors[0]!, /a\.key is not the key of/);
  assert.equal((await shown(t, certificates, 'ECDSA+SHA256')).names, 'DNS:www.example.net');
  assert.equal(
    (await shown(t, certificates, 'ECDSA+SHA256', 'renewed.example.net')).names,
    'DNS:renewed.example.net',
  );
});

test('a link that changes its target is followed', async (t) => {
  const link = { cert: join(folder, 'live.pem'), key: join(folder, 'live.key') };
  const point = (to: TestCertificate): void => {
    for (const name of ['cert', 'key'] as const) {
      symlinkSync(to[name], `${link[name]}.new`);
      renameSync(`${link[name]}.new`, link[name]);
    }
  };
  point(ec);
  const { certificates } = held(t, [link]);
  point(renewed);
  certificates.reload();
  assert.equal(
    (await shown(t, certificates, 'ECDSA+SHA256', 'renewed.example.net')).names,
    'DNS:renewed.example.net',
  );
});
