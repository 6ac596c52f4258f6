/** Listeners with their own settings: ports 25, 587 and 465, certificates by name, clients named by a balancer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { smtpWarnings } from '../../src/smtp/faults.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { certificate } from './certificate.ts';
import { Dialogue } from './dialogue.ts';
import { type GuardSettings, guardOptions, mailSink, startGuard } from './support.ts';

const skip = without('openssl');

/** A mail server with two accounts: `anna` with password `secret`. */
const accounts = {
  offers: ['PIPELINING', 'DSN', 'AUTH PLAIN LOGIN'],
  reply: (line: string) =>
    line.startsWith('AUTH PLAIN ')
      ? Buffer.from(line.slice(11), 'base64').toString() === '\0anna\0secret'
        ? '235 2.7.0 Signed in'
        : '535 5.7.8 Wrong'
      : undefined,
};
const plain = (password: string): string =>
  `AUTH PLAIN ${Buffer.from(`\0anna\0${password}`).toString('base64')}`;

async function deliver(client: Dialogue, to: string): Promise<number[]> {
  const codes: number[] = [];
  for (const line of ['MAIL FROM:<anna@example.net>', `RCPT TO:<${to}>`, 'DATA', 'x\r\n.']) {
    codes.push(await client.code(line));
    if (codes.at(-1)! >= 400) break;
  }
  return codes;
}

test('port 25 without AUTH, 587 with AUTH required, 465 with implicit TLS and another mail server', {
  skip,
}, async (t) => {
  const sink = await mailSink(t, accounts);
  const other = await mailSink(t, accounts);
  const { ports } = await startGuard(t, sink.port, {
    tls: await certificate(t),
    relayFrom: ['127.0.0.0/8'],
    listen: [
      { auth: 'none' },
      { auth: 'required' },
      { auth: 'required', tls: 'implicit', backends: [`127.0.0.1:${other.port}`] },
    ],
  });
  const [mx, submission, smtps] = ports;

  const stranger = await Dialogue.greeted(t, mx!);
  await stranger.say('STARTTLS');
  await stranger.startTls();
  const { lines } = await stranger.say('EHLO x');
  assert.ok(!lines.some((line) => line.startsWith('AUTH')), lines.join());
  assert.equal(await stranger.code(plain('secret')), 502);
  assert.deepEqual(await deliver(stranger, 'user@example.net'), [250, 250, 354, 250]);

  const user = await Dialogue.open(t, submission!, { host: '127.0.0.2' });
  await user.reply();
  await user.say('EHLO x');
  assert.equal(
    (await user.say('MAIL FROM:<anna@example.net>')).text,
    '530 5.7.0 Must issue a STARTTLS command first\r\n',
  );
  await user.say('STARTTLS');
  await user.startTls();
  await user.say('EHLO x');
  // `auth: required` overrides relayFrom.
  assert.equal(
    (await user.say('MAIL FROM:<anna@example.net>')).text,
    '530 5.7.0 Authentication required\r\n',
  );
  assert.equal(await user.code('RCPT TO:<user@example.com>'), 550);
  assert.equal(await user.code(plain('wrong')), 535);
  assert.equal(await user.code('MAIL FROM:<anna@example.net>'), 530);
  assert.equal(await user.code(plain('secret')), 235);
  assert.deepEqual(await deliver(user, 'user@example.com'), [250, 250, 354, 250]);

  const secure = await Dialogue.secure(t, smtps!, { host: '127.0.0.3' });
  assert.equal((await secure.reply()).code, 220);
  const offered = (await secure.say('EHLO x')).lines;
  assert.ok(offered.includes('AUTH PLAIN LOGIN') && !offered.includes('STARTTLS'), offered.join());
  assert.equal(await secure.code(plain('secret')), 235);
  assert.deepEqual(await deliver(secure, 'user@example.com'), [250, 250, 354, 250]);
  assert.equal(sink.mails.length, 2);
  assert.equal(other.mails.length, 1);
  assert.match(other.mails[0]!.data.toString(), /with ESMTPSA;/);
});

async function shown(owner: Owner, port: number, servername: string): Promise<string | string[] | undefined> {
  const socket: TLSSocket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false });
  owner.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket.getPeerCertificate().subject.CN;
}

test('several certificates: the one for the requested name, or else the first', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const tls = [...(await certificate(t)), ...(await certificate(t, 'smtp.example.org'))];
  const { port } = await startGuard(t, sink.port, { tls, listen: [{ tls: 'implicit' }] });
  assert.equal(await shown(t, port, 'smtp.example.org'), 'smtp.example.org');
  assert.equal(await shown(t, port, 'mx.example.net'), 'mx.example.net');
  assert.equal(await shown(t, port, 'other.example.com'), 'mx.example.net');
});

const v2 = (address: readonly number[]): Buffer =>
  Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c', 'latin1'),
    Buffer.from([...address, 127, 0, 0, 1, 0x30, 0x39, 0, 25]),
  ]);

test('behind a balancer the client is the one its PROXY header names: for relayFrom, bans and the mail server', {
  skip,
}, async (t) => {
  const sink = await mailSink(t);
  const { port, events } = await startGuard(
    t,
    sink.port,
    {
      tls: await certificate(t),
      trustedProxies: ['127.0.0.1/32'],
      relayFrom: ['198.51.100.0/24'],
      listen: [{ proxyProtocol: true }],
    },
    { isBanned: (_prefix, address) => address === '203.0.113.9' },
  );
  const from = async (header: string | Buffer): Promise<Dialogue> => {
    const client = await Dialogue.open(t, port);
    client.send(header);
    return client;
  };
  const inside = await from('PROXY TCP4 198.51.100.7 127.0.0.1 12345 25\r\n');
  assert.equal((await inside.reply()).code, 220);
  await inside.say('EHLO x');
  assert.deepEqual(await deliver(inside, 'user@example.com'), [250, 250, 354, 250]);
  assert.match(sink.mails[0]!.data.toString(), /from x \(\[198\.51\.100\.7\]\)/);
  const outside = await from(v2([203, 0, 113, 7]));
  await outside.reply();
  await outside.say('EHLO x');
  await outside.say('MAIL FROM:<a@example.org>');
  assert.equal(await outside.code('RCPT TO:<user@example.com>'), 550);
  assert.equal(events[0]!.client, '203.0.113.7');
  // TLS after the header.
  await outside.say('RSET');
  assert.equal(await outside.code('STARTTLS'), 220);
  await outside.startTls();
  assert.equal(await outside.code('EHLO x'), 250);
  assert.equal((await (await from('PROXY TCP4 203.0.113.9 127.0.0.1 1 25\r\n')).reply()).code, 421);
  // A header from any other client is not believed, and the client keeps its own address.
  const liar = await Dialogue.open(t, port, '127.0.0.7');
  assert.equal((await liar.reply()).code, 220);
  assert.equal(await liar.code('PROXY TCP4 198.51.100.7 127.0.0.1 12345 25'), 500);
  await liar.say('EHLO x');
  await liar.say('MAIL FROM:<a@example.org>');
  assert.equal(await liar.code('RCPT TO:<user@example.com>'), 550);
  assert.equal(events.at(-1)!.client, '127.0.0.7');
});

test('a PROXY header before implicit TLS', { skip }, async (t) => {
  const sink = await mailSink(t);
  const { port } = await startGuard(t, sink.port, {
    tls: await certificate(t),
    trustedProxies: ['127.0.0.1/32'],
    relayFrom: ['198.51.100.7'],
    listen: [{ proxyProtocol: true, tls: 'implicit' }],
  });
  const client = await Dialogue.open(t, port);
  client.send('PROXY TCP4 198.51.100.7 127.0.0.1 12345 25\r\n');
  await client.startTls();
  assert.equal((await client.reply()).code, 220);
  await client.say('EHLO x');
  assert.deepEqual(await deliver(client, 'user@example.com'), [250, 250, 354, 250]);
});

test('withheld EHLO keywords: neither offered to strangers nor accepted from them; offered to clients that may relay', async (t) => {
  const sink = await mailSink(t, { offers: ['PIPELINING', 'DSN', 'ETRN', 'SIZE 1000'] });
  const { port } = await startGuard(t, sink.port, { withhold: ['DSN'], relayFrom: ['127.0.0.2'] });
  for (const [from, offered, code] of [
    ['127.0.0.7', ['PIPELINING', 'SIZE 1000'], 555],
    ['127.0.0.2', ['PIPELINING', 'SIZE 1000', 'DSN'], 250],
  ] as const) {
    const client = await Dialogue.open(t, port, from);
    await client.reply();
    assert.deepEqual((await client.say('EHLO x')).lines.slice(1), offered);
    await client.say('MAIL FROM:<a@example.org>');
    assert.equal(await client.code('RCPT TO:<user@example.net> NOTIFY=SUCCESS'), code);
  }
});

test("warnings about listeners and mail servers that can't work", () => {
  const told = (settings: GuardSettings): string =>
    smtpWarnings(guardOptions(2525, { xclient: true, ...settings })).join('\n');
  const withTls = { tls: [{ cert: 'c', key: 'k' }] };
  assert.equal(told(withTls), '');
  assert.match(
    told({ ...withTls, backends: ['192.0.2.1:465'] }),
    /192\.0\.2\.1:465 speaks TLS from the first byte/,
  );
  const backendTls = { mode: 'implicit', ca: null, servername: null, verify: true } as const;
  assert.equal(told({ ...withTls, backends: ['192.0.2.1:465'], backendTls }), '');
  assert.match(
    told({ ...withTls, listen: [{ proxyProtocol: true }] }),
    /has proxyProtocol, but trustedProxies is empty/,
  );
  assert.equal(told({ ...withTls, listen: [{ proxyProtocol: true }], trustedProxies: ['192.0.2.0/24'] }), '');
});
