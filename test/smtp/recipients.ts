/**
 * Spellings of a recipient, from relay testers, RFCs and mail server bug reports: the verdict for a client from outside, and where a
 * server that follows routes would send the mail. Our domains are example.net, mx.example.net, bücher.example and [127.0.0.1].
 *
 * A row: the text after `RCPT TO:`, the deciding rule (null: accepted), the effective destination. Add a case by adding a row.
 */
import type { RuleId } from '../../src/rules/catalogue.ts';

export const ownDomains = ['example.net', 'mx.example.net', 'xn--bcher-kva.example', '[127.0.0.1]'];

type Row = readonly [text: string, rule: RuleId | null, effective: string];

const foreign = 'smtp-foreign-recipient';
const route = 'smtp-source-route';
const percent = 'smtp-percent-hack';
const bang = 'smtp-bang-path';
const quoted = 'smtp-quoted-route';
const malformed = 'smtp-malformed-path';

export const recipients: readonly Row[] = [
  // A plain foreign address, and the three kinds of routes to it (RFC 2505 section 2.1).
  [' user@example.com', foreign, 'user@example.com'],
  ['<user@example.com>', foreign, 'user@example.com'],
  [' @example.net:user@example.com', route, 'user@example.com'],
  ['<@example.net:user@example.com>', route, 'user@example.com'],
  [' example.com!user', bang, 'user@example.com'],
  ['<example.com!user>', bang, 'user@example.com'],
  [' user%example.com@example.net', percent, 'user@example.com'],
  ['<user%example.com@example.net>', percent, 'user@example.com'],

  // Relay testers (nmap smtp-open-relay, and the lists it was made from).
  ['<user%example.com@[127.0.0.1]>', percent, 'user@example.com'],
  ['<"user@example.com">', quoted, 'user@example.com'],
  ['<"user%example.com">', percent, 'user@example.com'],
  ['<user@example.com@[127.0.0.1]>', malformed, 'user@example.com'],
  ['<"user@example.com"@[127.0.0.1]>', quoted, 'user@example.com'],
  ['<user@example.com@example.net>', malformed, 'user@example.com'],
  ['<"user@example.com"@example.net>', quoted, 'user@example.com'],
  ['<@[127.0.0.1]:user@example.com>', route, 'user@example.com'],
  ['<@example.net,@mx.example.net:user@example.com>', route, 'user@example.com'],
  ['<@example.com:user@example.net>', route, 'user@example.net'],
  ['<@example.net:user%example.com@example.net>', route, 'user@example.com'],
  ['<example.com!user@[127.0.0.1]>', bang, 'user@example.com'],
  ['<example.com!user@example.net>', bang, 'user@example.com'],
  ['<a!b!example.com!user@example.net>', bang, 'user@example.com'],
  ['<example.net!user@example.com>', foreign, 'example.net!user@example.com'],
  ['<user::example.com@example.net>', bang, 'user@example.com'],
  ['<example.com::user@example.net>', bang, 'user@example.com'],
  ['<user%example.com>', percent, 'user@example.com'],
  [' user%example.com', percent, 'user@example.com'],
  [' "user@example.com"', quoted, 'user@example.com'],
  [' "user@example.com"@example.net', quoted, 'user@example.com'],
  [' a!b!example.com!user@example.net', bang, 'user@example.com'],
  ['<user%example.org%example.com@example.net>', percent, 'user@example.org'],
  ['<example.com!user%example.org@example.net>', percent, 'user@example.org'],
  ['<"example.com!user"@example.net>', bang, 'user@example.com'],
  ['<@example.net:@mx.example.net:user@example.com>', route, 'user@example.com'],
  ['<"@example.com:user@example.org"@example.net>', quoted, 'user@example.org'],
  ['<"\\"user@example.com\\""@example.net>', quoted, 'user@example.com'],
  ['<"user\\@example.com"@example.net>', quoted, 'user@example.com'],
  ['<user\\@example.com@example.net>', malformed, 'user@example.com'],
  ['<user\\%example.com@example.net>', percent, 'user@example.com'],
  ['<"user"%example.com@example.net>', percent, 'user@example.com'],

  // Lines that two parsers may read differently.
  ['<user@example.com,user@example.net>', malformed, 'user@example.com'],
  ['<user@example.com;user@example.net>', malformed, 'user@example.com'],
  ['<user@example.com> <user@example.net>', malformed, 'user@example.com'],
  ['<user@example.net> <user@example.com>', malformed, 'user@example.net'],
  ['<user@example.com><user@example.net>', malformed, 'user@example.com'],
  ['<<user@example.com>>', malformed, 'user@example.com'],
  ['<<user@example.com>@example.net>', malformed, 'user@example.com'],
  ['<user@example.com', malformed, 'user@example.com'],
  ['user@example.net>', malformed, 'user@example.net'],
  [' user%example.com@example.net>', percent, 'user@example.com'],
  ['<user@example.com(user@example.net)>', malformed, 'user@example.com'],
  ['<user(@example.com)@example.net>', malformed, 'user@example.net'],
  ['<(user@example.com)user@example.net>', malformed, 'user@example.net'],
  ['<"user@example.com@example.net>', quoted, 'user@example.com'],
  ['<"user"user@example.net>', malformed, 'useruser@example.net'],
  ['< user@example.net>', malformed, 'user@example.net'],
  ['<\tuser@example.net\t>', malformed, 'user@example.net'],
  ['<user @example.net>', malformed, 'user@example.net'],
  ['<user@ example.net>', malformed, 'user@example.net'],
  ['<@example.net>', malformed, '@example.net'],
  ['<@example.net user@example.com>', malformed, '"@example.netuser"@example.com'],
  ['<>', malformed, ''],
  ['', malformed, ''],
  ['   ', malformed, ''],
  ['<user@>', malformed, 'user@'],
  ['<user>', malformed, 'user'],
  [' user', malformed, 'user'],
  ['<user@example.net>SIZE=1', malformed, 'user@example.net'],
  ['<user@example.net> =x', malformed, 'user@example.net'],

  // RFC 5321 section 4.5.3.1.3: 256 octets as forwarded, brackets included.
  [`<${'@example.net:'.repeat(300)}user@example.com>`, route, 'user@example.com'],
  [`<${'u'.repeat(600)}%example.com@example.net>`, percent, `${'u'.repeat(512 - 24)}@example.com`],
  [` ${'u'.repeat(243)}@example.net`, malformed, `${'u'.repeat(243)}@example.net`],
  [
    `<${'u'.repeat(114)}..${'u'.repeat(125)}@example.net>`,
    malformed,
    `"${'u'.repeat(114)}..${'u'.repeat(125)}"@example.net`,
  ],

  // Hosts that some resolvers read as another host.
  ['<user@example.net\uff0eexample.com>', malformed, 'user@example.net\uff0eexample.com'],
  ['<user@example\u3002net>', malformed, 'user@example\u3002net'],
  ['<user@\uff45xample.net>', malformed, 'user@\uff45xample.net'],
  ['<user@m\u00fcnchen.example>', foreign, 'user@xn--mnchen-3ya.example'],
  ['<user\uff20example.com@example.net>', malformed, 'user@example.com'],
  ['<user\uff05example.com@example.net>', percent, 'user@example.com'],
  ['<user@example.net..>', malformed, 'user@example.net.'],
  ['<user@.example.net>', malformed, 'user@.example.net'],
  ['<user@example..net>', malformed, 'user@example..net'],
  ['<user@-example.net>', malformed, 'user@-example.net'],
  ['<user@127.0.0.1>', malformed, 'user@127.0.0.1'],
  ['<user@127.1>', malformed, 'user@127.1'],
  ['<user@2130706433>', malformed, 'user@2130706433'],
  ['<user@0x7f000001>', malformed, 'user@0x7f000001'],
  ['<user@[127.1]>', malformed, 'user@[127.1]'],
  ['<user@[127.0.0.01]>', malformed, 'user@[127.0.0.01]'],
  ['<user@[127.0.0.1>', malformed, 'user@[127.0.0.1'],
  ['<user@[x-new:127.0.0.1]>', malformed, 'user@[x-new:127.0.0.1]'],
  ['<user@[192.0.2.1]>', foreign, 'user@[192.0.2.1]'],
  ['<user@[IPv6:2001:db8::1]>', foreign, 'user@[ipv6:2001:db8::1]'],
  ['<user@[IPv6:2001:DB8:0::1]>', foreign, 'user@[ipv6:2001:db8::1]'],
  ['<user@sub.example.net>', foreign, 'user@sub.example.net'],
  ['<user@notexample.net>', foreign, 'user@notexample.net'],
  ['<user@example.net.example.com>', foreign, 'user@example.net.example.com'],

  ['<user@b\u00fccher.example.com>', foreign, 'user@xn--bcher-kva.example.com'],
  // Not in NFC, so not a U-label (RFC 5890 section 2.3.2.1).
  ['<user@bu\u0308cher.example>', malformed, 'user@bu\u0308cher.example'],
  ['<user%example.com@b\u00fccher.example>', percent, 'user@example.com'],
  ['<example.com!user@B\u00dcCHER.example.>', bang, 'user@example.com'],
  ['<user%b\u00fccher.example.com@example.net>', percent, 'user@xn--bcher-kva.example.com'],

  // Local parts with a meaning for delivery agents.
  ['<50%off@example.net>', percent, '50@off'],
  ['<|/bin/sh@example.net>', malformed, '|/bin/sh@example.net'],
  ['<"|/bin/sh"@example.net>', malformed, '|/bin/sh@example.net'],
  ['</var/mail/x@example.net>', malformed, '/var/mail/x@example.net'],
  ['<-oQ@example.net>', malformed, '-oQ@example.net'],
  ['<.user@example.net>', malformed, '".user"@example.net'],
  ['<"../../etc/cron.d/x"@example.net>', malformed, '"../../etc/cron.d/x"@example.net'],
  ['<a/../b@example.net>', malformed, '"a/../b"@example.net'],
  [`<root+$\{run{x}}@example.net>`, malformed, `root+$\{run{x}}@example.net`],
  ['<:include:/etc/passwd@example.net>', malformed, '":include:/etc/passwd"@example.net'],
  ['<%example.com@example.net>', malformed, '%example.com@example.net'],
  ['<user%@example.net>', malformed, 'user%@example.net'],
  ['<!user@example.net>', malformed, '!user@example.net'],

  // What must pass.
  ['<user@example.net>', null, 'user@example.net'],
  [' <user@example.net>', null, 'user@example.net'],
  ['\t<user@example.net>', null, 'user@example.net'],
  [' user@example.net', null, 'user@example.net'],
  ['user@example.net', null, 'user@example.net'],
  ['<user@example.net> ', null, 'user@example.net'],
  ['<user@example.net.>', null, 'user@example.net'],
  ['<user@EXAMPLE.Net>', null, 'user@example.net'],
  ['<User@example.net>', null, 'User@example.net'],
  ['<user+tag@example.net>', null, 'user+tag@example.net'],
  ['<"user"@example.net>', null, 'user@example.net'],
  ['<us\\er@example.net>', malformed, 'user@example.net'],
  [` ${'u'.repeat(64)}@example.net`, null, `${'u'.repeat(64)}@example.net`],
  ['<user.name@example.net>', null, 'user.name@example.net'],
  ["<o'user@example.net>", null, "o'user@example.net"],
  ['<user=example.com@example.net>', null, 'user=example.com@example.net'],
  ['<user#1@example.net>', null, 'user#1@example.net'],
  // Characters that no server expands, with their users: SRS, BATV, sub-addresses, quoted names, gateways.
  ['<SRS0=hR/k+=TT=example.org=user@example.net>', null, 'SRS0=hR/k+=TT=example.org=user@example.net'],
  [
    '<SRS1=a/B+=example.org==hR/k=TT=example.com=user@example.net>',
    null,
    'SRS1=a/B+=example.org==hR/k=TT=example.com=user@example.net',
  ],
  ['<u+INBOX/Lists@example.net>', null, 'u+INBOX/Lists@example.net'],
  ['<prvs=user/0123456789@example.net>', null, 'prvs=user/0123456789@example.net'],
  ['<"John Doe"@example.net>', null, '"John Doe"@example.net'],
  ['<"Doe, John (x) <y>"@example.net>', null, '"Doe, John (x) <y>"@example.net'],
  ['<user:x@example.net>', null, '"user:x"@example.net'],
  ['<"user:x"@example.net>', null, '"user:x"@example.net'],
  ['<a|b@example.net>', null, 'a|b@example.net'],
  ['<$5{x}@example.net>', null, '$5{x}@example.net'],

  ['<postmaster>', null, 'postmaster'],
  ['<Postmaster>', null, 'Postmaster'],
  ['<postmaster@example.net>', null, 'postmaster@example.net'],
  ['<user@[127.0.0.1]>', null, 'user@[127.0.0.1]'],
  ['<user@[IPv6:::ffff:127.0.0.1]>', null, 'user@[127.0.0.1]'],
  ['<user@mx.example.net>', null, 'user@mx.example.net'],
  ['<user@b\u00fccher.example>', null, 'user@xn--bcher-kva.example'],
  ['<user@B\u00dcCHER.Example.>', null, 'user@xn--bcher-kva.example'],
  ['<user@XN--BCHER-KVA.example>', null, 'user@xn--bcher-kva.example'],
  ['<user@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;user@example.net', null, 'user@example.net'],
];

/**
 * Spellings a `relayFrom` client may use for any domain, and the recipients they name. The guard interprets local parts only of our own
 * domains.
 */
export const relayed: readonly (readonly [text: string, mailbox: string])[] = [
  ['<user@example.com>', 'user@example.com'],
  [' user@example.com', 'user@example.com'],
  ['<user@EXAMPLE.com.>', 'user@example.com'],
  ['<50%off@example.com>', '50%off@example.com'],
  ['<u%example.org@example.com>', 'u%example.org@example.com'],
  ['<example.org!u@example.com>', 'example.org!u@example.com'],
  ['<"a b"@example.com>', '"a b"@example.com'],
  ['<"a@b"@example.com>', '"a@b"@example.com'],
  ['<"(x)<y>"@example.com>', '"(x)<y>"@example.com'],
  ['<a..b@example.com>', '"a..b"@example.com'],
  ['<user@[192.0.2.1]>', 'user@[192.0.2.1]'],
  ['<user@m\u00fcnchen.example>', 'user@xn--mnchen-3ya.example'],
];

/** A row's text as the bytes of a command line, one character a byte. */
export const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
