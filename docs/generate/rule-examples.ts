/**
 * Example bytes for each rule. They come from the corpus, so the page shows what the tests send; only HTTP/2 requests, whose
 * bytes nobody can read, and mail are written out here.
 */
import type { RuleId } from '../../src/rules/catalogue.ts';
import { corpus } from '../../test/corpus/corpus.ts';

/** Corpus rows that show a rule better than the shortest one. */
const chosen: Readonly<Partial<Record<RuleId, string>>> = {
  socks5: 'socks5-greeting-and-request-at-once',
  'smtp-on-http': 'smtp-mail-from-first',
  'proxy-protocol': 'proxy-protocol-v1',
  'not-http': 'not-http-ssh-banner-of-a-scanner',
  connect: 'connect-to-foreign-mail-port',
  'absolute-form-scheme': 'scheme-ftp',
  'absolute-form-userinfo': 'userinfo-own-name-foreign-host',
  'absolute-form-foreign': 'absolute-form-foreign',
  'absolute-form-port': 'absolute-form-own-name-mail-port',
  framing: 'framing-te-and-cl',
  'method-unknown': 'method-unknown-track',
  'target-malformed': 'target-fragment',
  'host-duplicate': 'host-twice-own-then-foreign',
  'host-malformed': 'host-malformed-leading-dot',
  'host-foreign': 'host-foreign-private-address',
  trace: 'trace-own-host',
  'proxy-connection': 'proxy-connection-keep-alive',
  'connection-strips': 'connection-strips-x-forwarded-for',
  'host-override': 'override-x-forwarded-host',
  'path-proxy': 'path-proxy-metadata-collapsed',
  'url-in-path': 'url-in-path-http',
};

/** HTTP/2 requests, one field on each line; commands to a mail server of example.net. */
const written: Readonly<Partial<Record<RuleId, string>>> = {
  'extended-connect':
    ':method: CONNECT\n:protocol: connect-udp\n:scheme: https\n:path: /\n:authority: www.example.net',
  'sni-foreign': 'openssl s_client -connect YOUR-ADDRESS:443 -servername www.example.com',
  'header-overflow': 'GET /?q=aaaa… HTTP/1.1 and 17,000 more of them',
  'authority-mismatch':
    ':method: GET\n:scheme: https\n:path: /\n:authority: www.example.net\nhost: www.example.com',
  'smtp-foreign-recipient': 'MAIL FROM:<a@example.org>\nRCPT TO:<b@example.com>',
  'smtp-source-route': 'RCPT TO:<@example.net:b@example.com>',
  'smtp-percent-hack': 'RCPT TO:<b%example.com@example.net>',
  'smtp-bang-path': 'RCPT TO:<example.com!b@example.net>',
  'smtp-quoted-route': 'RCPT TO:<"b@example.com"@example.net>',
  'smtp-malformed-path': 'RCPT TO:<b@example.net@example.com>',
  'smtp-auth-failed': 'AUTH PLAIN … (535 5.7.8)',
  'smtp-own-sender': 'MAIL FROM:<director@example.net>',
  'smtp-smuggling': 'DATA\n…\n\\n.\\nMAIL FROM:<a@example.org>',
  'smtp-early-talk': 'EHLO mail.example.org (before the greeting)',
};

/** Rules without example bytes: they depend on earlier requests. */
export const withoutBytes: ReadonlySet<RuleId> = new Set(['client-banned', 'rate-limited']);

/** Rules whose example describes what happens and is not the bytes of one request or mail command, so `explain` can't read it. */
export const inWords: ReadonlySet<RuleId> = new Set([
  'sni-foreign',
  'header-overflow',
  'smtp-auth-failed',
  'smtp-own-sender',
  'smtp-smuggling',
  'smtp-early-talk',
]);

/** Printable lines, or null if there is no example. `\xHH` is an unprintable byte; lines end in CR LF. */
export function ruleExample(id: RuleId): string | null {
  if (written[id] !== undefined) return written[id];
  const rows = corpus.filter(({ expect }) => expect.rule === id);
  const row =
    rows.find((one) => one.id === chosen[id]) ??
    rows.sort((one, other) => one.bytes.length - other.bytes.length)[0];
  return row === undefined ? null : readable(row.bytes);
}

function readable(bytes: string): string {
  const shown = bytes.length > 256 ? `${bytes.slice(0, 256)}` : bytes;
  const text = shown
    .replace(/(?:\r\n)+$/, '')
    .replaceAll('\r\n', '\n')
    .replace(/[^\x20-\x7e\n]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return bytes.length > 256 ? `${text} …` : text;
}
