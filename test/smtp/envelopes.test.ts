/** The table of legitimate envelopes, sent to Postfix and Exim with Debian's defaults: directly, and through the guard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePath, writeMailbox } from '../../src/wire/smtp-path.ts';
import { eventually } from '../support/eventually.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { Dialogue } from './dialogue.ts';
import { type Envelope, envelopes } from './envelopes.ts';
import { startExim } from './exim.ts';
import { startPostfix } from './postfix.ts';
import { type Mail, mailSink, type Sink, startGuard } from './support.ts';

const text = '\r\nHello.\r\n';

/** @returns whether it was fully accepted; null if a client would not send it, since the server does not offer what it needs */
async function send(owner: Owner, port: number, row: Envelope, id: string): Promise<string | null> {
  const client = await Dialogue.open(owner, port);
  try {
    if ((await client.reply()).code !== 220) return 'no greeting';
    const { lines } = await client.say(row.hello ?? 'EHLO mail.example.org');
    const offered = new Set(lines.slice(1).map((line) => line.split(/[ =]/, 1)[0]!.toUpperCase()));
    if ((row.needs ?? []).some((keyword) => !offered.has(keyword))) return null;
    for (const line of row.before ?? []) await client.say(line);
    const head = `X-Row: ${id}\r\nDate: Sun, 29 Nov 2026 00:00:00 +0000\r\nFrom: a@example.org\r\nTo: user@example.net\r\nMessage-ID: <${id}@example.org>\r\nSubject: x\r\n`;
    const message = Buffer.from(head + (row.data ?? text), 'latin1');
    const commands = [row.mail, ...row.rcpt];
    if (row.pipelined === true) client.send(commands.map((line) => `${line}\r\n`).join(''));
    for (const line of commands) {
      const answer = row.pipelined === true ? await client.reply() : await client.say(line);
      if (answer.code >= 300) return `${line}: ${answer.text}`;
    }
    if (row.chunked === true && offered.has('CHUNKING')) {
      client.send(`BDAT ${message.length} LAST\r\n`);
      client.send(message);
    } else {
      const go = await client.say('DATA');
      if (go.code !== 354) return go.text;
      // Only the row of dots has stuffed dots, which BDAT would not unstuff.
      client.send(row.chunked === true ? message.toString('latin1').replace(/^\./gm, '..') : message);
      client.send('.\r\n');
    }
    const end = await client.reply();
    return end.code === 250 ? 'taken' : end.text;
  } finally {
    client.socket.destroy();
  }
}

/** Unifies spellings of one mailbox: needless quotes, upper case in the domain, A-labels. */
const canonical = (mailbox: string): string => writeMailbox(parsePath(`<${mailbox}>`));

/** A delivered message without the header fields added on the way. Recipients are sorted: they may be delivered in any order. */
function delivered(sink: Sink, id: string): { to: string[]; mails: Set<string> } {
  const mine = sink.mails.filter(({ data }) => data.includes(`X-Row: ${id}\r\n`));
  const plain = ({ from, data }: Mail): string =>
    `${canonical(from)}: ${data.subarray(data.indexOf('X-Row: ')).toString('latin1').replaceAll(id, 'ID')}`;
  return { to: mine.flatMap(({ to }) => to.map(canonical)).sort(), mails: new Set(mine.map(plain)) };
}

interface Server {
  readonly port: number;
}

async function compare(
  t: Owner & { diagnostic(message: string): void },
  sink: Sink,
  server: Server,
  guarded: Server,
  atLeast: number,
): Promise<void> {
  const wrong: string[] = [];
  const taken: [name: string, alone: string, behind: string][] = [];
  for (const [index, row] of envelopes.entries()) {
    const [alone, behind] = [`alone-${index}`, `behind-${index}`];
    if ((await send(t, server.port, row, alone)) !== 'taken') continue;
    const result = await send(t, guarded.port, row, behind);
    if (result === 'taken') taken.push([row.name, alone, behind]);
    else wrong.push(`${row.name}: ${result ?? 'not offered'}`);
  }
  assert.deepEqual(wrong, []);
  // A server may split a message with many recipients.
  const expected = taken.reduce(
    (sum, [, alone]) => sum + 2 * envelopes[Number(alone.slice(6))]!.rcpt.length,
    0,
  );
  const same = 2 * Number(taken.some(([name]) => name === 'recipients: the same twice'));
  await eventually(
    () => sink.mails.reduce((sum, mail) => sum + mail.to.length, 0) >= expected - same,
    'all of them delivered',
    30_000,
  );
  for (const [name, alone, behind] of taken)
    assert.deepEqual(delivered(sink, behind), delivered(sink, alone), name);
  t.diagnostic(`${taken.length} of ${envelopes.length} are taken alone`);
  assert.ok(taken.length >= atLeast, `only ${taken.length} are taken alone`);
}

test('there are 120 of them', () => {
  assert.ok(envelopes.length >= 120, `${envelopes.length}`);
  assert.equal(new Set(envelopes.map(({ name }) => name)).size, envelopes.length);
});

/** Debian's configuration for a host that delivers example.net. */
const postfixDefaults = `mynetworks = 192.0.2.0/24
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
relay_domains = example.net, mx.example.net, xn--bcher-kva.example, b\u00fccher.example
relay_transport = \${default_transport}
smtputf8_enable = yes
allow_untrusted_routing = no`;

for (const [mode, settings, main] of [
  ['without the client address', {}, ''],
  ['with PROXY headers', { proxyProtocol: 'v1' }, 'smtpd_upstream_proxy_protocol = haproxy'],
  ['with XCLIENT', { xclient: true }, 'smtpd_authorized_xclient_hosts = 127.0.0.1'],
] as const)
  test(`Postfix ${mode}: it accepts and delivers the same mail behind the guard as alone`, {
    skip: without('postfix'),
  }, async (t) => {
    const sink = await mailSink(t);
    const alone = await startPostfix(t, { deliverTo: sink.port, main: postfixDefaults });
    const behind =
      main === ''
        ? alone
        : await startPostfix(t, { deliverTo: sink.port, main: `${postfixDefaults}\n${main}` });
    await compare(
      t,
      sink,
      alone,
      await startGuard(t, behind.port, { ...settings, limits: { errors: 20 } }),
      110,
    );
  });

/** The address checks of Debian's acl_check_rcpt. */
const eximRcpt = `  deny domains = +ours
       local_parts = ^[.] : ^.*[@%!/|\\\`#&?]
       message = restricted characters in address
  accept local_parts = postmaster
  accept domains = +ours
  deny message = relay not permitted
`;

test('Exim: it accepts and delivers the same mail behind the guard as alone', {
  skip: without('exim4'),
}, async (t) => {
  const sink = await mailSink(t);
  const exim = await startExim(t, {
    deliverTo: sink.port,
    main: 'domainlist ours = example.net : mx.example.net : xn--bcher-kva.example\nacl_smtp_rcpt = check_rcpt\nsmtputf8_advertise_hosts = *\nqualify_domain = example.net\nallow_utf8_domains',
    acl: `check_rcpt:\n${eximRcpt}`,
  });
  await compare(t, sink, exim, await startGuard(t, exim.port, { limits: { errors: 20 } }), 90);
});
