/** The guard over IPv6: the connection's literal is ours, clients count by /64, and the mail server learns the address. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { proxyHeader } from '../../src/smtp/proxy-header.ts';
import { without } from '../support/peers.ts';
import { Dialogue } from './dialogue.ts';
import { startPostfix } from './postfix.ts';
import { mailSink, startGuard } from './support.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);
const skip = hasIpv6 ? false : 'there is no ::1 here';
const listen = ['[::1]:0'];

test('over IPv6: only the literal of the connection is ours', { skip }, async (t) => {
  const sink = await mailSink(t);
  const { port, events } = await startGuard(t, sink.port, { listen, domains: ['example.net'] });
  const client = await Dialogue.greeted(t, port, { host: '::1' });
  assert.equal(await client.code('MAIL FROM:<a@[IPv6:2001:db8::1]>'), 250);
  assert.equal(await client.code('RCPT TO:<user@[IPv6:::1]>'), 250);
  assert.equal(await client.code('RCPT TO:<user@[ipv6:0:0:0:0:0:0:0:1]>'), 250);
  for (const [path, rule] of [
    ['<user@[IPv6:2001:db8::1]>', 'smtp-foreign-recipient'],
    ['<user@[::1]>', 'smtp-malformed-path'],
    ['<user%example.com@[IPv6:::1]>', 'smtp-percent-hack'],
    ['<@[IPv6:::1]:user@example.com>', 'smtp-source-route'],
  ] as const) {
    assert.match(String(await client.code(`RCPT TO:${path}`)), /^55[03]$/, path);
    assert.equal(events.at(-1)!.rule, rule, path);
    assert.equal(events.at(-1)!.client, '::1');
    assert.match(events.at(-1)!.listener, /^smtp \[::1\]:\d+$/);
  }
  assert.deepEqual(sink.received[0]!.match(/^RCPT .*$/gm), Array(2).fill('RCPT TO:<user@[ipv6:::1]>'));
});

test('relayFrom and the PROXY protocol over IPv6', { skip }, async (t) => {
  const sink = await mailSink(t, { reply: (line) => (line.startsWith('PROXY ') ? null : undefined) });
  const { port } = await startGuard(t, sink.port, { listen, relayFrom: ['::/64'], proxyProtocol: 'v1' });
  const client = await Dialogue.greeted(t, port, { host: '::1' });
  assert.equal(await client.code('MAIL FROM:<a@example.org>'), 250);
  assert.equal(await client.code('RCPT TO:<user@example.com>'), 250);
  assert.match(sink.received[0]!, new RegExp(`^PROXY TCP6 ::1 ::1 \\d+ ${port}\r\n`));
  // A dual-stack listener reports an IPv4 client by its IPv4 address.
  const ends = {
    address: '192.0.2.7',
    port: 1,
    localAddress: '::ffff:192.0.2.1',
    localPort: 25,
    session: 's-1',
  };
  assert.equal(proxyHeader(ends), 'PROXY TCP4 192.0.2.7 192.0.2.1 1 25\r\n');
});

for (const [how, main, settings] of [
  ['XCLIENT', 'smtpd_authorized_xclient_hosts = 127.0.0.1', { xclient: true }],
  ['the PROXY protocol', 'smtpd_upstream_proxy_protocol = haproxy', { proxyProtocol: 'v1' }],
] as const)
  test(`${how}: Postfix sees the IPv6 address`, { skip: skip || without('postfix') }, async (t) => {
    const sink = await mailSink(t);
    const postfix = await startPostfix(t, {
      deliverTo: sink.port,
      main: `inet_protocols = all\nmynetworks = [::1]/128\n${main}`,
    });
    const { port } = await startGuard(t, postfix.port, { listen, ...settings });
    const client = await Dialogue.greeted(t, port, { host: '::1' });
    await client.say('MAIL FROM:<a@example.org>');
    assert.equal(await client.code('RCPT TO:<user@example.net>'), 250);
    await client.say('DATA');
    assert.equal(await client.code('.'), 250);
    await postfix.waitForLog(/: client=\S*\[::1\]/);
  });
