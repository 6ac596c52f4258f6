/** The head of an HTTP/1 response, read strictly: what a backend says ambiguously must not reach a client. */
import { FieldNames } from './field-names.ts';
import { is, listMembers } from './header-facts.ts';
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
);
/** Up to the last digit of the version. */
const protocol = 'HTTP/1.';
const tab = 0x09;
const cr = 0x0d;
const lf = 0x0a;
const space = 0x20;
const colon = 0x3a;

/**
 * @param text begins with the head, latin1
 * @param method of the request it answers
 * @param length of the head, without the empty line that ends it
 * @returns the head, or what is wrong with it
 */
export function parseResponseHead(
  text: string,
  method: string,
  length: number = text.length,
): ResponseHead | string {
  // Patterns, and numbers made of texts, took another 2 %.
  const minor = digit(text, protocol.length);
  const status = digit(text, 9) * 100 + digit(text, 10) * 10 + digit(text, 11);
  let at = 12;
  let reason = '';
  if (at < length && text.charCodeAt(at) === space) {
    while (at < length && (octets[text.charCodeAt(at)]! & inValue) !== 0) at++;
    reason = text.slice(13, at);
  }
  // A digit that is none makes the status NaN.
  if (
    length < 12 ||
    !text.startsWith(protocol) ||
    !(minor <= 1) ||
    text.charCodeAt(8) !== space ||
    !(status >= 100) ||
    !endsLine(text, at, length)
  ) {
    return 'a malformed status line';
  }
  const rawHeaders: string[] = [];
  let contentLength: string | null = null;
  let transferEncoding: string | null = null;
  let connection: string | null = null;
  // Byte by byte: two patterns a field, to see that name and value are sound, took 5 % of the time of a forwarded request.
  for (at += 2; at < length; at += 2) {
    const nameAt = at;
    while (at < length && (octets[text.charCodeAt(at)]! & inToken) !== 0) at++;
    if (at === nameAt || text.charCodeAt(at) !== colon) return nameFault(text, nameAt, length);
    const name = text.slice(nameAt, at++);
    while (text.charCodeAt(at) === space || text.charCodeAt(at) === tab) at++;
    const valueAt = at;
    while (at < length && (octets[text.charCodeAt(at)]! & inValue) !== 0) at++;
    if (!endsLine(text, at, length)) return 'a control character in a header value';
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
      if (!/^\d{1,15}$/.test(value)) return 'a Content-Length that is no number';
      contentLength = value;
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
    length: framing === 'length' ? Number(contentLength) : 0,
    keepAlive: persistent && framing !== 'close',
  };
}

/** NaN where it is none. */
function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 0x30;
  return value >= 0 && value <= 9 ? value : Number.NaN;
}

/** Whether a line ends here, or the head. */
const endsLine = (text: string, at: number, length: number): boolean =>
  at === length || (text.charCodeAt(at) === cr && text.charCodeAt(at + 1) === lf);

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
