/** The head of an HTTP/1 response, read strictly: what a backend says ambiguously must not reach a client. */
import { is, listMembers } from './header-facts.ts';
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

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'transfer-encoding',
  'upgrade',
]);
const hopByHopLengths: ReadonlySet<number> = new Set([...hopByHop].map((name) => name.length));
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const invalidValue = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * @param text the head without the empty line that ends it, latin1
 * @param method of the request it answers
 * @returns the head, or what is wrong with it
 */
export function parseResponseHead(text: string, method: string): ResponseHead | string {
  let lineEnd = text.indexOf('\r\n');
  if (lineEnd === -1) lineEnd = text.length;
  const first = statusLine.exec(text.slice(0, lineEnd));
  if (first === null) return 'a malformed status line';
  const status = Number(first[2]);
  const rawHeaders: string[] = [];
  let contentLength: string | null = null;
  let transferEncoding: string | null = null;
  let connection: string | null = null;
  for (let at = lineEnd + 2; at < text.length; at = lineEnd + 2) {
    lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === -1) lineEnd = text.length;
    const colon = text.indexOf(':', at);
    if (colon === -1 || colon >= lineEnd) return 'a header line without a colon';
    const name = text.slice(at, colon);
    if (!token.test(name)) return 'a header name that is not a token';
    const value = trimmed(text, colon + 1, lineEnd);
    if (invalidValue.test(value)) return 'a control character in a header value';
    if (hopByHopLengths.has(name.length) && hopByHop.has(name.toLowerCase())) {
      if (name.length === 10 && is(name, 'connection'))
        connection = connection === null ? value : `${connection},${value}`;
      else if (is(name, 'transfer-encoding'))
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
  const options = connection === null ? [] : listMembers(connection);
  if (options.length > 0) dropListed(rawHeaders, options);
  const persistent = first[1] === '1' ? !options.includes('close') : options.includes('keep-alive');
  const done = (framing: BodyFraming, length: number): ResponseHead => ({
    status,
    reason: first[3] ?? '',
    rawHeaders,
    framing,
    length,
    keepAlive: persistent && framing !== 'close',
  });
  if (transferEncoding !== null) {
    // RFC 9112 section 6.3: both together is an attempt at response splitting, or a broken backend.
    if (contentLength !== null) return 'Content-Length together with Transfer-Encoding';
    if (!is(transferEncoding, 'chunked')) return 'a Transfer-Encoding other than chunked';
  }
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return done('none', 0);
  if (transferEncoding !== null) return done('chunked', 0);
  if (contentLength !== null) return done(contentLength === '0' ? 'none' : 'length', Number(contentLength));
  return done('close', 0);
}

/** RFC 9110 section 7.6.1: what Connection lists is meant for this hop only. */
function dropListed(rawHeaders: string[], options: readonly string[]): void {
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name !== 'content-length' && options.includes(name)) rawHeaders.splice(i, 2);
  }
}
