/** The head of an HTTP/1 response, read strictly: what a backend says ambiguously must not reach a client. */
import { FieldNames, is } from './field-names.ts';
import { listMembers } from './header-facts.ts';
import { inToken, inValue, octets } from './octets.ts';
import { trimmed } from './white-space.ts';

export type BodyFraming = 'none' | 'length' | 'chunked' | 'close';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** name, value, name, value …: end-to-end fields only, hop-by-hop ones already gone. */
  readonly rawHeaders: string[];
  readonly framing: BodyFraming;
  /** With framing `length`: the bytes of the body. */
  readonly length: number;
  /** The connection may carry another request afterwards. */
  readonly keepAlive: boolean;
}

const hopByHop = new FieldNames(
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
);
/** Up to the last digit of the version. */
const protocol = 'HTTP/1.';
const tab = 0x09;
const cr = 0x0d;
const lf = 0x0a;
const space = 0x20;
const colon = 0x3a;

/**
 * @param bytes begin with the head
 * @param text the same bytes, latin1
 * @param method of the request it answers
 * @param length of the head, without the empty line that ends it
 * @returns the head, or what is wrong with it
 */
export function parseResponseHead(
  bytes: Uint8Array,
  text: string,
  method: string,
  length: number = bytes.length,
): ResponseHead | string {
  const minor = digit(bytes, protocol.length);
  const status = digit(bytes, 9) * 100 + digit(bytes, 10) * 10 + digit(bytes, 11);
  let at = 12;
  let reason = '';
  if (at < length && bytes[at] === space) {
    while (at < length && (octets[bytes[at]!]! & inValue) !== 0) at++;
    reason = text.slice(13, at);
  }
  // A digit that is none makes the status NaN.
  if (
    length < 12 ||
    !text.startsWith(protocol) ||
    !(minor <= 1) ||
    bytes[8] !== space ||
    !(status >= 100) ||
    !endsLine(bytes, at, length)
  ) {
    return 'a malformed status line';
  }
  const rawHeaders: string[] = [];
  let contentLength: string | null = null;
  let contentBytes = 0;
  let transferEncoding: string | null = null;
  let connection: string | null = null;
  // Byte by byte: patterns, for name and value of every field, took 8 % of the time of a forwarded request.
  for (at += 2; at < length; at += 2) {
    const nameAt = at;
    while (at < length && (octets[bytes[at]!]! & inToken) !== 0) at++;
    if (at === nameAt || bytes[at] !== colon) return nameFault(text, nameAt, length);
    const name = text.slice(nameAt, at++);
    while (bytes[at] === space || bytes[at] === tab) at++;
    const valueAt = at;
    while (at < length && (octets[bytes[at]!]! & inValue) !== 0) at++;
    if (!endsLine(bytes, at, length)) return 'a control character in a header value';
    const value = trimmed(text, valueAt, at);
    if (name.length === 10 && is(name, 'connection')) {
      connection = connection === null ? value : `${connection},${value}`;
      continue;
    }
    if (hopByHop.has(name)) {
      if (is(name, 'transfer-encoding'))
        transferEncoding = transferEncoding === null ? value : `${transferEncoding},${value}`;
      continue;
    }
    if (name.length === 14 && is(name, 'content-length')) {
      if (contentLength !== null && contentLength !== value) return 'two different Content-Lengths';
      if (contentLength !== null) continue;
      contentBytes = readNumber(value);
      if (Number.isNaN(contentBytes)) return 'a Content-Length that is no number';
      contentLength = value;
      // RFC 9110 section 8.6: none here, and HTTP/2 clients take one for a broken stream.
      if (status < 200 || status === 204) continue;
    }
    rawHeaders.push(name, value);
  }
  // Nearly every backend says this and nothing else.
  const keepAlive = connection !== null && is(connection, 'keep-alive');
  const options = connection === null || keepAlive ? [] : listMembers(connection);
  if (options.length > 0) dropListed(rawHeaders, options);
  if (transferEncoding !== null) {
    // RFC 9112 section 6.3: both together is an attempt at response splitting, or a broken backend.
    if (contentLength !== null) return 'Content-Length together with Transfer-Encoding';
    if (!is(transferEncoding, 'chunked')) return 'a Transfer-Encoding other than chunked';
  }
  const framing = framingOf(status, method, transferEncoding !== null, contentLength);
  const persistent = minor === 1 ? !options.includes('close') : keepAlive || options.includes('keep-alive');
  return {
    status,
    reason,
    rawHeaders,
    framing,
    length: framing === 'length' ? contentBytes : 0,
    keepAlive: persistent && framing !== 'close',
  };
}

/** NaN where it is none. */
function digit(bytes: Uint8Array, at: number): number {
  const value = bytes[at]! - 0x30;
  return value >= 0 && value <= 9 ? value : Number.NaN;
}

/** NaN where it is none, or one that a number does not hold exactly. */
function readNumber(text: string): number {
  if (text.length === 0 || text.length > 15) return Number.NaN;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i) - 0x30;
    if (!(code >= 0 && code <= 9)) return Number.NaN;
    value = value * 10 + code;
  }
  return value;
}

/** Whether a line ends here, or the head. */
const endsLine = (bytes: Uint8Array, at: number, length: number): boolean =>
  at === length || (bytes[at] === cr && bytes[at + 1] === lf);

/** @param from where a line begins that has no name and colon at its beginning */
function nameFault(text: string, from: number, length: number): string {
  const lineEnd = text.indexOf('\r\n', from);
  const hasColon = text.slice(from, lineEnd === -1 ? length : Math.min(lineEnd, length)).includes(':');
  return hasColon ? 'a header name that is not a token' : 'a header line without a colon';
}

function framingOf(
  status: number,
  method: string,
  chunked: boolean,
  contentLength: string | null,
): BodyFraming {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none';
  if (chunked) return 'chunked';
  if (contentLength === null) return 'close';
  return contentLength === '0' ? 'none' : 'length';
}

/** RFC 9110 section 7.6.1: what Connection lists is meant for this hop only. */
function dropListed(rawHeaders: string[], options: readonly string[]): void {
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name !== 'content-length' && options.includes(name)) rawHeaders.splice(i, 2);
  }
}
