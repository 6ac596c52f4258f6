/** Must-staple certificates at the mail guard. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { Authority, scriptedResponder, stapled, startResponder } from '../support/ocsp.ts';
import { runProcess } from '../support/process.ts';
import { mailSink, startGuard } from './support.ts';

const owner = { after };
const authority = await Authority.create(owner);
const port = await freePort();
const responder = `http://127.0.0.1:${port}/`;
// The responder knows what was issued before its start.
const tls = ['mx.example.net', 'mx.example.org'].map((name) => authority.issue(name, { responder }));
await startResponder(owner, authority, port);

test('STARTTLS and implicit TLS staple the response, with and without a server name', async (t) => {
  const sink = await mailSink(t);
  const { ports } = await startGuard(t, sink.port, {
    tls,
    listen: [{}, { tls: 'implicit' }],
  });
  for (const [at, more] of [['-starttls', 'smtp'], []].entries())
    for (const name of ['mx.example.net', 'mx.example.org', null])
      for (const version of ['-tls1_2', '-tls1_3']) {
        const holds = async () =>
          (await stapled(`127.0.0.${at + 1}:${ports[at]}`, name, [...more, version])) === 'good';
        await eventually(holds, `${more.join(' ')} ${name} ${version}`, 20_000);
      }
});

test('a certificate that does not demand it is shown without a response', async (t) => {
  const sink = await mailSink(t);
  const plain = authority.issue('mx.example.net', { responder, staple: false });
  const { port: to } = await startGuard(t, sink.port, { tls: [plain] });
  assert.equal(await stapled(to, 'mx.example.net', ['-starttls', 'smtp']), 'none');
});

test('a client that supports only RSA gets the RSA certificate, whether certificates demand stapling or not', async (t) => {
  const sink = await mailSink(t);
  for (const staple of [true, false]) {
    const { url } = await scriptedResponder(t, (request) => authority.respond(request));
    const issue = (name: string, kind: 'ec' | 'rsa') =>
      authority.issue(name, { responder: url, kind, staple });
    const tls = ['mx.example.net', 'mx.example.org'].flatMap((name) => [
      issue(name, 'ec'),
      issue(name, 'rsa'),
    ]);
    const { ports } = await startGuard(t, sink.port, { tls, listen: [{}, { tls: 'implicit' }] });
    for (const [at, more] of [['-starttls', 'smtp'], []].entries())
      for (const name of ['mx.example.net', 'mx.example.org', null])
        for (const [sigalgs, kind] of [
          ['rsa_pss_rsae_sha256', 'RSA'],
          ['ecdsa_secp256r1_sha256', 'ECDSA'],
        ] as const) {
          const to = ['-connect', `127.0.0.${at + 1}:${ports[at]}`, '-sigalgs', sigalgs, ...more];
          const asked = name === null ? ['-noservername'] : ['-servername', name];
          const { stdout } = await runProcess('openssl', ['s_client', ...to, ...asked]);
          assert.match(
            stdout,
            new RegExp(`Peer signature type: (rsa_pss|${kind})`, 'i'),
            `${name} ${sigalgs}`,
          );
          assert.equal(/CN ?= ?(mx\.example\.\w+)/.exec(stdout)?.[1], name ?? 'mx.example.net');
        }
  }
});

test('a client that does not finish its hello is cut off without a word in the clear', async (t) => {
  const sink = await mailSink(t);
  const tls = (['ec', 'rsa'] as const).map((kind) =>
    authority.issue('mx.example.net', { kind, staple: false }),
  );
  const { ports } = await startGuard(t, sink.port, {
    tls,
    listen: [{ tls: 'implicit' }],
    timeouts: { command: 500 },
  });
  for (const begun of ['', '160301020001']) {
    const socket = connect(ports[0]!, '127.0.0.1');
    t.after(() => socket.destroy());
    await once(socket, 'connect');
    socket.write(Buffer.from(begun, 'hex'));
    const got: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => got.push(bytes));
    await once(socket, 'close');
    assert.equal(Buffer.concat(got).toString(), '');
  }
});
