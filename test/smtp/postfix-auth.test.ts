/** AUTH through the guard with a real Postfix and Cyrus SASL: both let only clients relay that Postfix has authenticated. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { mailSink, startGuard } from './support.ts';

const skip = without('postfix', 'saslpasswd2', 'openssl');
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

/** Relays only for `user` with password `secret`: trusts no network. */
async function postfixWithUsers(owner: Owner, deliverTo: number, how: string): Promise<Postfix> {
  const folder = await tempDir(owner, 'sasl');
  const users = join(folder, 'users');
  const made = await runProcess(
    requirePeer('saslpasswd2'),
    ['-p', '-c', '-f', users, '-u', 'example.net', 'user'],
    { input: 'secret' },
  );
  if (made.code !== 0) throw new Error(made.stderr);
  await chmod(users, 0o644);
  return startPostfix(owner, {
    deliverTo,
    sasl: `pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: ${users}
mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5
`,
    main: `mynetworks = 192.0.2.1
relay_domains = example.net
relay_transport = smtp:[127.0.0.1]:${deliverTo}
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = example.net
${how}`,
  });
}

async function underTls(owner: Owner, port: number): Promise<Dialogue> {
  const client = await Dialogue.greeted(owner, port, '127.0.0.7');
  assert.equal(await client.code(`AUTH PLAIN ${base64('\0user\0secret')}`), 538, 'not in the clear');
  assert.equal(await client.code('STARTTLS'), 220);
  await client.startTls();
  const ehlo = await client.say('EHLO client.example.org');
  // DIGEST-MD5 could add a security layer to the session, and the guard could read no command in it.
  assert.ok(
    ehlo.lines.some((line) => /^AUTH (?=.*PLAIN)(?=.*LOGIN)(?=.*CRAM-MD5)(?!.*DIGEST)/.test(line)),
    ehlo.text,
  );
  return client;
}

/** The code of the reply to RCPT, or to the message if RCPT was accepted. */
async function mail(client: Dialogue, to: string): Promise<number> {
  await client.say('MAIL FROM:<a@example.org>');
  const { code } = await client.say(`RCPT TO:<${to}>`);
  if (code !== 250) {
    await client.say('RSET');
    return code;
  }
  assert.equal(await client.code('DATA'), 354);
  return client.code('Subject: x\r\n\r\ntext\r\n.');
}

const mechanisms: Readonly<Record<string, (client: Dialogue, password: string) => Promise<number>>> = {
  PLAIN: (client, password) => client.code(`AUTH PLAIN ${base64(`\0user\0${password}`)}`),
  LOGIN: async (client, password) => {
    assert.equal(await client.code('AUTH LOGIN'), 334);
    assert.equal(await client.code(base64('user')), 334);
    return client.code(base64(password));
  },
  'CRAM-MD5': async (client, password) => {
    const { code, lines } = await client.say('AUTH CRAM-MD5');
    assert.equal(code, 334);
    const challenge = Buffer.from(lines[0]!, 'base64');
    return client.code(base64(`user ${createHmac('md5', password).update(challenge).digest('hex')}`));
  },
};

for (const [how, main, settings] of [
  ['XCLIENT', 'smtpd_authorized_xclient_hosts = 127.0.0.1', { xclient: true }],
  ['the PROXY protocol', 'smtpd_upstream_proxy_protocol = haproxy', { proxyProtocol: 'v1' }],
  ['neither', '', {}],
] as const)
  test(`Postfix behind ${how}: any domain after AUTH, and before it only ours`, { skip }, async (t) => {
    const sink = await mailSink(t);
    const postfix = await postfixWithUsers(t, sink.port, main);
    const { port, events } = await startGuard(t, postfix.port, { ...settings, tls: await certificate(t) });
    let delivered = 0;
    for (const [name, authenticate] of Object.entries(mechanisms)) {
      const client = await underTls(t, port);
      assert.equal(await mail(client, 'before@example.com'), 550);
      assert.equal(await authenticate(client, 'wrong'), 535, `${name} with the wrong password`);
      assert.equal(await mail(client, 'wrong@example.com'), 550);
      assert.equal(await authenticate(client, 'secret'), 235, name);
      assert.equal(await mail(client, `${name.toLowerCase()}@example.com`), 250, name);
      await sink.waitFor(++delivered);
      assert.deepEqual(sink.mails.at(-1)!.to, [`${name.toLowerCase()}@example.com`]);
      // Postfix decides about relaying too, and sees the client itself.
      const from = how === 'neither' ? '127.0.0.1' : '127.0.0.7';
      const seen = `client=\\S*\\[${from.replaceAll('.', '\\.')}\\], sasl_method=${name}, sasl_username=user@example\\.net`;
      await postfix.waitForLog(new RegExp(seen));
      client.socket.destroy();
    }
    // The right to relay ends with the session.
    assert.equal(await mail(await underTls(t, port), 'after@example.com'), 550);
    assert.equal(await mail(await underTls(t, port), 'user@example.net'), 250);
    await sink.waitFor(delivered + 1);
    assert.ok(events.length >= 7);
    assert.doesNotMatch(JSON.stringify(events), new RegExp(`secret|${base64('\0user\0secret')}`));
  });
