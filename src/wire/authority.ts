/**
 * The authority of RFC 3986 section 3.2, read from the bytes of a Host line or a request-target.
 *
 * Never `new URL()`: it turns `0x7f.1`, `127.1` and full-width look-alikes into other hosts, and a checkpoint that
 * reads a different host than the backend lets foreign requests pass.
 */
import { domainToASCII, domainToUnicode } from 'node:url';
import ipaddr from 'ipaddr.js';
import { isDottedQuad } from '../address/ip.ts';

export interface Authority {
  /**
   * Canonical: lower case, percent-encoded unreserved characters decoded, A-labels, no trailing dot; an IPv6 literal in
   * brackets and in its RFC 5952 spelling. Two authorities name the same host if and only if these texts are equal.
   */
  readonly host: string;
  readonly kind: 'name' | 'ipv4' | 'ipv6';
  /** Null if there is no port, or an empty one. */
  readonly port: number | null;
  /** The text before the `@`; null if there is none. */
  readonly userinfo: string | null;
}

/** Why a text is malformed, and where. */
export interface Malformed {
  readonly malformed: string;
  /** Offset of the first offending character. */
  readonly at: number;
}

export const isMalformed = <T extends object>(value: T | Malformed): value is Malformed =>
  'malformed' in value;

const bad = (malformed: string, at: number): Malformed => ({ malformed, at });

const plainName = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
/** RFC 3986 `reg-name` without percent-encoding: unreserved and sub-delims. */
const regNameExcluded = /[^A-Za-z0-9\-._~!$&'()*+,;=]/;

/**
 * Reads an authority. Total: any text gives an `Authority` or a `Malformed`.
 *
 * @param text one character per byte (latin1), as Node hands out request-targets and header values
 */
export function parseAuthority(text: string): Authority | Malformed {
  // RFC 3986 ends userinfo at the *first* @ and allows none after it; parsers that take the last one read another
  // host out of a@b@c, so a second @ is refused.
  const at = text.indexOf('@');
  if (at === -1) return parseHostPort(text, 0, null);
  const second = text.indexOf('@', at + 1);
  if (second !== -1) return bad('a second @', second);
  return parseHostPort(text.slice(at + 1), at + 1, text.slice(0, at));
}

function parseHostPort(text: string, offset: number, userinfo: string | null): Authority | Malformed {
  if (text.charCodeAt(0) === 0x5b /* [ */) return parseIpLiteral(text, offset, userinfo);
  const colon = text.indexOf(':');
  const host = colon === -1 ? text : text.slice(0, colon);
  const port = colon === -1 ? null : parsePort(text, colon + 1);
  if (port !== null && typeof port === 'object') return bad(port.malformed, offset + port.at);
  const name = canonicalName(host);
  if (typeof name === 'object') return bad(name.malformed, offset + name.at);
  return { host: name, kind: isDottedQuad(name) ? 'ipv4' : 'name', port, userinfo };
}

function parseIpLiteral(text: string, offset: number, userinfo: string | null): Authority | Malformed {
  const close = text.indexOf(']');
  if (close === -1) return bad('an IPv6 literal without its closing bracket', offset);
  const literal = text.slice(1, close);
  // A zone id is meaningful only on the sender's machine (RFC 9844), and no IPvFuture has been assigned.
  if (!/^[0-9A-Fa-f:.]+$/.test(literal) || !ipaddr.IPv6.isValid(literal))
    return bad('not an IPv6 address', offset + 1);
  let port: number | null = null;
  if (close + 1 < text.length) {
    if (text.charCodeAt(close + 1) !== 0x3a)
      return bad('something other than a port after the bracket', offset + close + 1);
    const parsed = parsePort(text, close + 2);
    if (parsed !== null && typeof parsed === 'object') return bad(parsed.malformed, offset + parsed.at);
    port = parsed;
  }
  return { host: `[${ipaddr.IPv6.parse(literal).toRFC5952String()}]`, kind: 'ipv6', port, userinfo };
}

/** `port = *DIGIT` (RFC 3986 section 3.2.3): an empty port is legal and means the default. */
function parsePort(text: string, from: number): number | null | Malformed {
  if (from === text.length) return null;
  let port = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return bad('a port that is not a number', i);
    port = port * 10 + digit;
    if (port > 65535) return bad('a port above 65535', from);
  }
  return port === 0 ? bad('port 0', from) : port;
}

function canonicalName(text: string): string | Malformed {
  if (plainName.test(text)) return text;
  if (text === '') return bad('an empty host', 0);
  const decoded = text.includes('%') ? decodePercent(text) : text;
  if (typeof decoded === 'object') return decoded;
  let name = decoded;
  if (/[\x80-\xff]/.test(name)) {
    if (name.length > longestName) return bad('a host of more than 255 bytes', 0);
    const ascii = fromULabels(name);
    if (ascii === null)
      return bad('a host with characters that no host name can have', text.search(/[\x80-\xff%]/));
    name = ascii;
  }
  const excluded = name.search(regNameExcluded);
  if (excluded !== -1)
    return bad(`${describe(name.charCodeAt(excluded))} in a host`, Math.max(text.search(regNameExcluded), 0));
  name = name.toLowerCase();
  if (name.endsWith('.')) name = name.slice(0, -1);
  if (name === '' || name.startsWith('.') || name.endsWith('.') || name.includes('..'))
    return bad('an empty label in the host', 0);
  return name;
}

/** Decodes %XX. Refuses encoded delimiters and controls, which two parsers could read in two ways. */
function decodePercent(text: string): string | Malformed {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '%') {
      out += text[i];
      continue;
    }
    const hex = text.slice(i + 1, i + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return bad('a % that starts no percent-encoding', i);
    const byte = Number.parseInt(hex, 16);
    if (byte < 0x80 && !/[A-Za-z0-9\-._~]/.test(String.fromCharCode(byte)))
      return bad(`an encoded ${describe(byte).replace(/^an? /, '')} in a host`, i);
    out += String.fromCharCode(byte);
    i += 2;
  }
  return out;
}

/** RFC 1035 section 2.3.4. The time that Punycode (RFC 3492) takes grows with the square of the length. */
const longestName = 255;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * UTF-8 bytes of U-labels → A-labels. Null if the text is not in the normal form of its A-label:
 * full-width letters, ideographic full stops, ß-like mappings and ignorable characters all *map* to some ASCII name
 * (UTS #46), and must not be taken for it.
 */
function fromULabels(bytes: string): string | null {
  let text: string;
  try {
    text = utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
  const lower = text.toLowerCase();
  // The Kelvin sign lower-cases to an ASCII k: a letter that becomes ASCII in lower case is a look-alike.
  if (countNonAscii(lower) !== countNonAscii(text)) return null;
  const ascii = domainToASCII(text);
  return ascii !== '' && domainToUnicode(ascii) === lower ? ascii : null;
}

const countNonAscii = (text: string): number => text.replace(/[\0-\x7f]/g, '').length;

function describe(code: number): string {
  if (code < 0x20 || code === 0x7f) return 'a control character';
  if (code === 0x20) return 'a space';
  return `a ${String.fromCharCode(code)}`;
}
