/**
 * Reads the path of MAIL FROM and RCPT TO (RFC 5321 section 4.1.2), strictly and leniently at once.
 *
 * A path with faults still yields what a lenient mail server would read, so that a refusal can say where
 * the mail would have gone. This file decides nothing, and no path is sent on as it was written.
 */
import { canonicalMailDomain, lowered } from './mail-domain.ts';
import { trimmed } from './white-space.ts';

/** Something that RFC 5321 does not allow. */
export interface PathFault {
  readonly why: string;
  /** Offset into the text given to `parsePath`. */
  readonly at: number;
}

export interface EsmtpParameter {
  /** Upper case. */
  readonly keyword: string;
  /** Null if there is no `=`. */
  readonly value: string | null;
}

export interface Mailbox {
  /** Without its quotes, backslashes and comments. */
  readonly local: string;
  /** Canonical if it is a valid domain, else as written, in lower case; null if there is no `@`. */
  readonly domain: string | null;
}

export interface SmtpPath extends Mailbox {
  /** The domain in U-labels, if it was written with characters beyond ASCII and is valid; else null. */
  readonly ulabels: string | null;
  /** `<>`: the null reverse-path. */
  readonly empty: boolean;
  /** The path was in angle brackets. */
  readonly bracketed: boolean;
  /** The local part was quoted, wholly or in part. */
  readonly quoted: boolean;
  /** The hosts of the source route `@a,@b:`, in the order of travel; canonical if they are valid domains. */
  readonly route: readonly string[];
  readonly parameters: readonly EsmtpParameter[];
  readonly faults: readonly PathFault[];
  /** Offset of the path's first character, bracket included. */
  readonly start: number;
  /** Offset after its last. */
  readonly end: number;
}

/** RFC 5321 section 4.5.3.1.3, the brackets included. */
const longestPath = 256;
/** A longer path is refused for its length alone, and only its end is read: thousands of nested routes would take long. */
const mostRead = 512;
const dotAtom = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff]+)*$/;
/**
 * With dots anywhere, since some mobile carriers issued addresses such as `a..b` and `a.`, and with colons, which gateways write and
 * Postfix accepts. Such local parts are sent on quoted, as RFC 5321 requires.
 */
const looseDotString = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.:\x80-\xff]+$/;
const parameter = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e\x80-\xff]+))?$/;

/**
 * Reads the text after `MAIL FROM:` or `RCPT TO:`. Total: any text gives a path, with faults if it is not valid.
 *
 * @param text one character per byte (latin1), without the line end
 */
export function parsePath(text: string): SmtpPath {
  const faults: PathFault[] = [];
  const start = text.search(/[^ \t]|$/);
  const bracketed = text[start] === '<';
  const from = bracketed ? start + 1 : start;
  const inner = pathEnd(text, from, bracketed);
  if (bracketed && text[inner] !== '>') faults.push({ why: 'no closing bracket', at: text.length });
  const end = bracketed && text[inner] === '>' ? inner + 1 : inner;
  let last = inner;
  while (!bracketed && last > from && text[last - 1] === '>') last--;
  if (last < inner) faults.push({ why: 'no opening bracket', at: last });
  const body = text.slice(from, last);
  const empty = bracketed && body === '';
  if (body === '' && !bracketed) faults.push({ why: 'no path', at: start });
  const kept = body.length > mostRead ? tail(body) : body;
  const read = readBody(kept, from + body.length - kept.length, faults);
  if (end - start > longestPath || sentOctets(read, body) > longestPath)
    faults.push({ why: 'a path of more than 256 octets', at: start });
  if (/[\x80-\xff]/.test(body) && !isUtf8(body)) faults.push({ why: 'bytes that are not UTF-8', at: from });
  const parameters = readParameters(text, end, faults);
  faults.sort((a, b) => a.at - b.at);
  return { ...read, empty, bracketed, parameters, faults, start, end };
}

/** The end of a long path, which decides where it leads. Some hops of a source route are kept, so that it is still read as one. */
function tail(body: string): string {
  const at = body.length - mostRead;
  const hop = body.startsWith('@') ? body.indexOf('@', at) : at;
  return body.slice(hop === -1 ? at : hop);
}

/** Length of the path as sent on, in brackets: quotes and A-labels make it up to four times longer than it was written. */
const sentOctets = (mailbox: Mailbox, body: string): number =>
  body.length < longestPath / 4 ? 0 : writeMailbox(mailbox).length + 2;

/** The ESMTP parameters after a path; anything else after it is a fault. */
function readParameters(text: string, end: number, faults: PathFault[]): EsmtpParameter[] {
  const parameters: EsmtpParameter[] = [];
  const rest = text.slice(end);
  if (rest !== '' && !/^[ \t]/.test(rest)) faults.push({ why: 'something right after the path', at: end });
  for (const { 0: word, index } of rest.matchAll(/[^ \t]+/g)) {
    const match = parameter.exec(word);
    if (match === null) {
      // Some servers take a second path for the recipient: `<user@foreign> <user@own>`.
      faults.push({ why: 'something after the path that is no parameter', at: end + index });
      continue;
    }
    parameters.push({ keyword: match[1]!.toUpperCase(), value: match[2] ?? null });
  }
  return parameters;
}

/** The end of the path: its `>`, or without brackets white space. Quotes and backslashes are respected. */
function pathEnd(text: string, from: number, bracketed: boolean): number {
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (bracketed ? c === '>' : c === ' ' || c === '\t')) return i;
  }
  if (!quoted) return text.length;
  // The quote is not closed: end where a server that ignores quotes would.
  const end = text.slice(from).search(bracketed ? />/ : /[ \t]/);
  return end === -1 ? text.length : from + end;
}

type Read = Pick<SmtpPath, 'local' | 'domain' | 'ulabels' | 'quoted' | 'route'>;

function readBody(body: string, offset: number, faults: PathFault[]): Read {
  let at = 0;
  let route: string[] = [];
  const lead = /^[ \t<]+/.exec(body);
  if (lead !== null) {
    faults.push({ why: 'white space or a second bracket before the address', at: offset });
    at = lead[0].length;
  }
  // No RFC allows a second route, but servers that remove one and parse again read it.
  while (body[at] === '@') {
    if (route.length > 0) faults.push({ why: 'a second source route', at: offset + at });
    const colon = body.indexOf(':', literalsSkipped(body, at));
    if (colon === -1) {
      faults.push({ why: 'a source route without its colon', at: offset + at });
      break;
    }
    route = [...route, ...readRoute(body.slice(at, colon), offset + at, faults)];
    at = colon + 1;
  }
  return { ...readMailbox(body.slice(at), offset + at, faults), route };
}

/** Skips the colons of `[IPv6:…]`, which do not end a source route. */
function literalsSkipped(body: string, from: number): number {
  const literals = /^(?:[ \t,]*@\[[^\]]*\]|[ \t,]*@[^,:[\]"]*)*/.exec(body.slice(from));
  return from + (literals?.[0].length ?? 0);
}

function readRoute(text: string, offset: number, faults: PathFault[]): string[] {
  const hosts: string[] = [];
  let at = offset;
  for (const part of text.split(',')) {
    const hop = trimmed(part);
    const name = hop.startsWith('@') ? hop.slice(1) : undefined;
    const canonical = name === undefined ? null : canonicalMailDomain(name);
    if (canonical === null || part.length !== (name?.length ?? 0) + 1)
      faults.push({ why: 'a hop of the source route that is no @domain', at });
    hosts.push(canonical ?? lowered(name ?? part));
    at += part.length + 1;
  }
  return hosts;
}

/**
 * Reads `local@domain` as a lenient server does: quotes and backslashes are removed, comments dropped, and the last `@`
 * outside quotes divides.
 */
function readMailbox(text: string, offset: number, faults: PathFault[]): Omit<Read, 'route'> {
  if (text === '') return { local: '', domain: null, ulabels: null, quoted: false };
  const bare = withoutComments(text);
  if (bare !== text) {
    // RFC 5321 has no comments in paths, but servers that read RFC 5322 addresses drop them.
    faults.push({ why: 'a comment in the address', at: offset });
    return readMailbox(bare, offset, faults);
  }
  const divide = lastAt(text);
  const written = divide === -1 ? text : text.slice(0, divide);
  const { local, quoted } = dequote(written, offset, faults);
  if (divide === -1) return { local, domain: null, ulabels: null, quoted };
  if (written === '') faults.push({ why: 'no local part', at: offset });
  const name = text.slice(divide + 1);
  const canonical = canonicalMailDomain(name);
  if (canonical === null) faults.push({ why: 'no domain or address literal', at: offset + divide + 1 });
  const plain = name.replace(/\.$/, '');
  const ulabels = canonical !== null && /[\x80-\xff]/.test(name) ? plain : null;
  return { local, domain: canonical ?? lowered(trimmed(name).replace(/\.$/, '')), ulabels, quoted };
}

function lastAt(text: string): number {
  let quoted = false;
  let last = -1;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '"') quoted = !quoted;
    else if (c === '@' && !quoted) last = i;
  }
  return quoted ? text.lastIndexOf('@') : last;
}

/** RFC 5321 `Local-part`: a dot-string, read leniently, or one quoted string. */
function dequote(text: string, offset: number, faults: PathFault[]): { local: string; quoted: boolean } {
  if (looseDotString.test(text)) return { local: text, quoted: false };
  const whole = /^"((?:[^"\\]|\\.)*)"$/s.exec(text);
  if (whole !== null) {
    const local = whole[1]!.replace(/\\(.)/gs, '$1');
    // RFC 5321 section 4.1.2 qtextSMTP and quoted-pairSMTP: printable ASCII only.
    if (/[\0-\x1f\x7f]/.test(local)) faults.push({ why: 'a control character in quotes', at: offset });
    if (local === '') faults.push({ why: 'an empty local part', at: offset });
    return { local, quoted: true };
  }
  if (text !== '')
    faults.push({ why: 'a local part that is neither atoms nor one quoted string', at: offset });
  let local = '';
  let inQuotes = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\') local += text[++i] ?? '';
    else if (c === '"') inQuotes = !inQuotes;
    else if (inQuotes || !/[ \t<>]/.test(c)) local += c;
  }
  return { local, quoted: text.includes('"') };
}

/** Removes `(…)`, nested ones too. Quotes and backslashes are respected. */
function withoutComments(text: string): string {
  if (!text.includes('(')) return text;
  let out = '';
  let depth = 0;
  let inQuotes = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    const pair = c === '\\' ? text.slice(i, ++i + 1) : c;
    if (pair === '"' && depth === 0) inQuotes = !inQuotes;
    if (pair === '(' && !inQuotes) depth++;
    if (depth === 0) out += pair;
    if (pair === ')' && depth > 0) depth--;
  }
  // A comment without an end is not a comment.
  return depth > 0 ? text : out;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @param latin1 one character per byte */
export function isUtf8(latin1: string): boolean {
  try {
    utf8.decode(Buffer.from(latin1, 'latin1'));
    return true;
  } catch {
    return false;
  }
}

/** The mailbox as it is sent on: `local@domain`, quoted only if it must be. */
export function writeMailbox({ local, domain }: Mailbox): string {
  const written = local === '' || dotAtom.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`;
  return domain === null ? written : `${written}@${domain}`;
}
