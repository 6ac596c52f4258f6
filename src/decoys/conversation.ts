/** What a decoy makes of the bytes that have come so far. Pure: it is given bytes and says what to do. */
import type { Verdict } from '../judge.ts';
import { judge, judgeFirstBytes } from '../judge.ts';
import type { RuleId } from '../rules/catalogue.ts';
import { judgeRecipient, type MailPolicy, type PathVerdict } from '../rules/smtp.ts';
import { classifyFirstBytes } from '../wire/first-bytes.ts';
import { parseRequestHead } from '../wire/request-head.ts';
import { parseSocks4, parseSocks5Greeting, parseSocks5Request } from '../wire/socks.ts';
import { nothingOurs } from './nothing-ours.ts';
import type { DecoyOptions } from './options.ts';

/** What was asked for. */
export type Asked =
  | {
      readonly kind: 'verdict';
      readonly verdict: Verdict;
      /** latin1, without credentials. */
      readonly head: string;
      readonly body: string;
    }
  | {
      readonly kind: 'mail';
      readonly recipients: readonly { verdict: PathVerdict; line: string }[];
      readonly before: string;
    };

export type Step =
  /** More has to come; `say` goes out now, once. */
  | { readonly more: true; readonly say?: Buffer }
  /** It is known what was asked for: refuse with these bytes (none: close). Asked null: nothing that is worth a record. */
  | { readonly more: false; readonly asked: Asked | null; readonly refuse: Buffer };

export type Converse = (bytes: Buffer, last: boolean) => Step;

/** The most that is read of a first message. */
export const longestMessage = 8192;

/** What is kept of a user name or password. */
const credentials = '[credentials]';
const none = Buffer.alloc(0);
const noMethod = Buffer.from([5, 0xff]);
const chooseNone = Buffer.from([5, 0]);
const choosePassword = Buffer.from([5, 2]);
/** RFC 1929 section 2: any status but 0 refuses. */
const passwordRefused = Buffer.from([1, 1]);
/** RFC 1928 section 6: connection not allowed by ruleset. */
const socks5Refused = Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]);
/** SOCKS4: request rejected or failed. */
const socks4Refused = Buffer.from([0, 0x5b, 0, 0, 0, 0, 0, 0]);
const forbidden = Buffer.from(
  'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n',
);
const notAllowed = Buffer.from(
  'HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n',
);
/** RFC 5321 section 3.1: a 554 greeting says that no mail is taken here. */
export const mailRefused = Buffer.from('554 5.7.1 No mail is taken here\r\n');

/**
 * Reads whatever protocol comes, on a decoy that waits for the client to speak.
 *
 * @param bytes everything that has come, at most `longestMessage`
 * @param last nothing more will come, or be read
 */
export function converse(bytes: Buffer, last: boolean): Step {
  const protocol = classifyFirstBytes(bytes);
  switch (protocol) {
    case 'socks5':
      return socks5(bytes, last);
    case 'socks4':
      return socks4(bytes, last);
    case 'http-1':
    case 'http-0.9':
      return http(bytes, last);
    case 'unknown':
      if (!last) return { more: true };
      return bytes.length === 0 ? done(null, none) : http(bytes, true);
    default:
      return done(firstBytes(bytes, latin1(bytes)), none);
  }
}

function http(bytes: Buffer, last: boolean): Step {
  const head = parseRequestHead(bytes);
  if ((head === null || !head.complete) && !last) return { more: true };
  const foreign = judgeFirstBytes(bytes, nothingOurs);
  if (foreign !== null) return done(kept({ ...foreign, answer: 'drop' }, latin1(bytes)), none);
  const text = latin1(bytes);
  const request = head ?? { method: '', target: '', version: '1.0', rawHeaders: [] };
  const defects = head === null ? [{ why: 'the bytes are no HTTP request', at: 0 }] : head.defects;
  const verdict = judge(defects.length === 0 ? request : { ...request, defects }, nothingOurs);
  const isConnect = request.method.toUpperCase() === 'CONNECT';
  const answer = isConnect ? 405 : 403;
  const end = head?.end ?? bytes.length;
  const asked: Asked = {
    kind: 'verdict',
    verdict: { ...verdict, answer },
    head: text.slice(0, end),
    body: text.slice(end),
  };
  return done(
    verdict.rule === null ? null : asked,
    head === null ? none : isConnect ? notAllowed : forbidden,
  );
}

function socks4(bytes: Buffer, last: boolean): Step {
  const request = parseSocks4(bytes);
  if (request?.complete !== true && !last) return { more: true };
  const user = (bytes[8] ?? 0) === 0 ? '' : credentials;
  const name = request?.version === '4a' ? `${request.host}\0` : '';
  const head = `${latin1(bytes.subarray(0, 8))}${user}\0${name}`;
  return done(firstBytes(bytes, head), socks4Refused);
}

function socks5(bytes: Buffer, last: boolean): Step {
  const greeting = parseSocks5Greeting(bytes)!;
  const head = latin1(bytes.subarray(0, greeting.length));
  if (bytes.length < greeting.length) return last ? done(firstBytes(bytes, head), noMethod) : { more: true };
  const rest = bytes.subarray(greeting.length);
  if (greeting.methods.includes(0)) {
    const request = parseSocks5Request(rest);
    if (request === null && !last && (rest[0] ?? 5) === 5) return { more: true, say: chooseNone };
    // 1 begins a name and password (RFC 1929) that were sent without having been asked for.
    const kept = rest[0] === 1 ? credentials : latin1(rest.subarray(0, 262));
    return done(firstBytes(bytes, head + kept), socks5Refused);
  }
  if (!greeting.methods.includes(2)) return done(firstBytes(bytes, head), noMethod);
  // RFC 1929: version, length, name, length, password. Read to its end so as to refuse it; kept as a word.
  const nameLength = rest[1] ?? 255;
  const complete = rest.length >= 3 + nameLength + (rest[2 + nameLength] ?? 255);
  if (!complete && !last) return { more: true, say: choosePassword };
  return done(firstBytes(bytes, head + (rest.length === 0 ? '' : credentials)), passwordRefused);
}

/** What is wanted, the verdict tells; `head` is what is kept of the bytes. */
function firstBytes(bytes: Buffer, head: string): Asked | null {
  const verdict = judgeFirstBytes(bytes, nothingOurs);
  return verdict === null ? null : kept(verdict, head);
}

const kept = (verdict: Verdict, head: string): Asked => ({ kind: 'verdict', verdict, head, body: '' });

/**
 * Reads mail commands, on a decoy that has greeted with a refusal: what a tester sends all the same. The recipients
 * tell what it is after; another protocol tells it by itself.
 */
export function converseMail(bytes: Buffer, last: boolean): Step {
  // A page can have a browser post a form here, whose fields are lines of mail.
  if (/^[A-Z]+ \S+ HTTP\/1\.[01]\r?\n/.test(latin1(bytes.subarray(0, 4096)))) return converse(bytes, last);
  const lines = latin1(bytes).split(/\r?\n/);
  // What has no end yet is no line, unless nothing more comes.
  if (!last) lines.pop();
  if (!last && lines.length < 50 && !lines.some((line) => /^(?:QUIT|DATA)\b/i.test(line)))
    return { more: true };
  const recipients: { verdict: PathVerdict; line: string }[] = [];
  const before: string[] = [];
  for (const line of lines) {
    const text = /^RCPT TO:(.*)$/is.exec(line)?.[1];
    if (text !== undefined) recipients.push({ verdict: judgeRecipient(text, takenForOurs, 'outside'), line });
    else if (/^(?:HELO|EHLO|MAIL FROM:)/i.test(line)) before.push(`${line}\r\n`);
  }
  if (recipients.length > 0) return done({ kind: 'mail', recipients, before: before.join('') }, none);
  const protocol = classifyFirstBytes(bytes);
  const other = protocol === 'smtp' || protocol === 'unknown' ? null : converse(bytes, true);
  return done(other === null || other.more ? null : other.asked, none);
}

/** Whatever stands last is whom the sender takes this server for: the route before it is walked to where it leads. */
const takenForOurs: MailPolicy = { owns: () => true };

/** The rules of a recipient; without any he is at a domain that is none of ours, as every domain is. */
export const rulesOf = (verdict: PathVerdict): readonly RuleId[] =>
  verdict.rules.length > 0 ? verdict.rules : ['smtp-foreign-recipient'];

export const conversationOf = (speaks: DecoyOptions['speaks']): Converse =>
  speaks === 'smtp' ? converseMail : converse;

const done = (asked: Asked | null, refuse: Buffer): Step => ({ more: false, asked, refuse });

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
