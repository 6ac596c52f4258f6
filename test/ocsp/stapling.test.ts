/** Must-staple certificates at HTTPS listeners, with openssl's responder and openssl's client. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { readResponse } from '../../src/ocsp/response.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { Authority, type Issued, scriptedResponder, stapled, startResponder } from '../support/ocsp.ts';
import type { Owner } from '../support/owner.ts';

const owner = { after };
const authority = await Authority.create(owner);
const port = await freePort();
const responder = `http://127.0.0.1:${port}/`;
// The responder knows what was issued before its start.
const issue = (name: string, kind: 'ec' | 'rsa' = 'ec') => authority.issue(name, { responder, kind });
const [www, gate] = [issue('www.example.net'), issue('gate.example.net')];
const wwwRsa = issue('www.example.net', 'rsa');
await startResponder(owner, authority, port);
const long = 20_000;

/** A gateway with TLS. */
const gatewayWith = (t: Owner, files: readonly { readonly cert: string; readonly key: string }[]) => {
  const listed = files.map(({ cert, key }) => `{ cert: "${cert}", key: "${key}" }`).join(', ');
  const site = 'sites: [{ hosts: [www.example.net, gate.example.net], backend: welcome }]\n';
  return runGateway(t, site, `listen: [{ address: "127.0.0.1:0", tls: [${listed}] }]\n`);
};

/** What a handshake shows: the certificate, and the response. */
async function shown(to: number, options: ConnectionOptions) {
  const socket = connect({
    port: to,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    requestOCSP: true,
    ...options,
  });
  let response: Buffer | null = null;
  socket.on('OCSPResponse', (bytes: Buffer | null) => {
    response = bytes;
  });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate()!;
  socket.destroy();
  return { certificate, response: response as Buffer | null };
}

const isGoodFor = (response: Buffer | null, certificate: X509Certificate): boolean =>
  response !== null &&
  readResponse(response, certificate, new X509Certificate(readFileSync(authority.cert)), Date.now())
    .status === 'good';

test('each name is shown its own response, in TLS 1.2 and 1.3, and a client that does not ask gets none', async (t) => {
  const { port: to } = await gatewayWith(t, [www, gate]);
  for (const name of ['www.example.net', 'gate.example.net', null]) {
    await eventually(async () => (await stapled(to, name)) === 'good', `a response for ${name}`, long);
    assert.equal(await stapled(to, name, ['-tls1_2']), 'good');
    assert.equal(await stapled(to, name, ['-tls1_3']), 'good');
  }
  const one = await shown(to, { servername: 'gate.example.net' });
  assert.ok(isGoodFor(one.response, one.certificate));
  assert.equal(one.certificate.subjectAltName, 'DNS:gate.example.net');
  const { response } = await shown(to, { servername: 'www.example.net', requestOCSP: false });
  assert.equal(response, null);
});

test('an RSA and an ECDSA certificate for one name each come with their own response', async (t) => {
  const { port: to } = await gatewayWith(t, [wwwRsa, www]);
  for (const [kind, sigalgs] of [
    ['rsa', 'rsa_pss_rsae_sha256'],
    ['ec', 'ECDSA+SHA256'],
    ['ec', 'ECDSA+SHA256:rsa_pss_rsae_sha256'],
  ]) {
    const holds = async () => {
      const { certificate, response } = await shown(to, { servername: 'www.example.net', sigalgs });
      assert.equal(certificate.publicKey.asymmetricKeyType, kind);
      return isGoodFor(response, certificate);
    };
    await eventually(holds, `${kind} with a response`, long);
  }
});

test('without a server name a client that supports only RSA gets the RSA certificate, also after a reload', async (t) => {
  const live = { cert: join(authority.folder, 'first.pem'), key: join(authority.folder, 'first.key') };
  use(www, live);
  const { port: to } = await gatewayWith(t, [live, wwwRsa]);
  const rsaWith = async (serial: string) => {
    const old = { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const;
    for (const options of [{ sigalgs: 'rsa_pss_rsae_sha256' }, old]) {
      const { certificate, response } = await shown(to, options);
      assert.equal(certificate.publicKey.asymmetricKeyType, 'rsa');
      if (!isGoodFor(response, certificate)) return false;
    }
    const { certificate, response } = await shown(to, { sigalgs: 'ECDSA+SHA256:rsa_pss_rsae_sha256' });
    assert.equal(certificate.publicKey.asymmetricKeyType, 'ec');
    return certificate.serialNumber === serial && isGoodFor(response, certificate);
  };
  await eventually(() => rsaWith(www.serial), 'both with a response', long);
  const renewed = (await renewable(t)).issued;
  use(renewed, live);
  await eventually(() => rsaWith(renewed.serial), 'both, one of them renewed', long);
});

/** A certificate whose responder knows it, although it was issued late. */
async function renewable(t: Owner) {
  const { url, asked } = await scriptedResponder(t, (request) => authority.respond(request));
  return { issued: authority.issue('www.example.net', { responder: url }), asked };
}

test('a certificate that does not demand it gets no response, and nobody is asked for one', async (t) => {
  const { url, asked } = await scriptedResponder(t, async (request) => authority.respond(request));
  const plain = authority.issue('www.example.net', { responder: url, staple: false });
  const { port: to } = await gatewayWith(t, [plain, gate]);
  await eventually(async () => (await stapled(to, 'gate.example.net')) === 'good', 'the other one has', long);
  assert.equal(await stapled(to, 'www.example.net'), 'none');
  assert.equal(asked(), 0);
});

test('while the responder is down handshakes go on without a response; later they have one', async (t) => {
  const at = await freePort();
  const files = [authority.issue('www.example.net', { responder: `http://127.0.0.1:${at}/` })];
  const { port: to } = await gatewayWith(t, files);
  assert.equal(await stapled(to, 'www.example.net'), 'none');
  await startResponder(t, authority, at);
  await eventually(async () => (await stapled(to, 'www.example.net')) === 'good', 'a response', long);
});

test('a revoked certificate is shown without a response', async (t) => {
  const { url, asked } = await scriptedResponder(t, async (request) => authority.respond(request));
  const revoked = authority.issue('www.example.net', { responder: url });
  authority.mark(revoked, 'revoked');
  const { port: to } = await gatewayWith(t, [revoked]);
  await eventually(() => asked() > 0, 'the responder is asked', long);
  assert.equal(await stapled(to, 'www.example.net'), 'none');
});

const use = (from: Issued, to: { readonly cert: string; readonly key: string }): void => {
  for (const file of ['key', 'cert'] as const) {
    writeFileSync(`${to[file]}.new`, readFileSync(from[file]));
    renameSync(`${to[file]}.new`, to[file]);
  }
};

test('a renewed certificate is shown with its response from the first handshake on', async (t) => {
  const files = { cert: join(authority.folder, 'live.pem'), key: join(authority.folder, 'live.key') };
  use(www, files);
  const { port: to } = await gatewayWith(t, [files]);
  const get = () => shown(to, { servername: 'www.example.net' });
  await eventually(async () => (await get()).response !== null, 'the first response', long);
  // Slow, so that handshakes happen while it is asked.
  const slow = await scriptedResponder(t, async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return authority.respond(request);
  });
  const renewed = authority.issue('www.example.net', { responder: slow.url });
  use(renewed, files);
  const isNew = async (): Promise<boolean> => {
    const { certificate, response } = await get();
    assert.ok(isGoodFor(response, certificate), `${certificate.serialNumber} has no response`);
    return certificate.serialNumber === renewed.serial;
  };
  await eventually(isNew, 'the renewed certificate', long);
  assert.equal(slow.asked(), 1);
});

test('a renewed certificate whose responder fails is used without a response', async (t) => {
  const files = { cert: join(authority.folder, 'dead.pem'), key: join(authority.folder, 'dead.key') };
  use(www, files);
  const { port: to } = await gatewayWith(t, [files]);
  await eventually(async () => (await stapled(to, 'www.example.net')) === 'good', 'the first response', long);
  const dead = authority.issue('www.example.net', { responder: `http://127.0.0.1:${await freePort()}/` });
  use(dead, files);
  const serial = async () => (await shown(to, { servername: 'www.example.net' })).certificate.serialNumber;
  await eventually(async () => (await serial()) === dead.serial, 'the renewed certificate', long);
  assert.equal(await stapled(to, 'www.example.net'), 'none');
});
