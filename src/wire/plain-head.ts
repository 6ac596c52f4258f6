/**
 * Reads the head of an ordinary HTTP/1.1 request in one pass over its bytes. Any other head, with the liberties of RFC 9112
 * sections 2.2 and 5.2 or with faults, is left to `request-head.ts`.
 */
import { is } from './field-names.ts';
import { inTarget, inToken, inValue, octets } from './octets.ts';

/** A request, in the shape of `HttpRequest`. */
export interface PlainHead {
  readonly method: string;
  readonly target: string;
  readonly version: '1.1';
  /** name, value, name, value … */
  readonly rawHeaders: string[];
  /** Offset of the first byte after the head. */
  readonly end: number;
  /** Bytes of the body; -1: chunked. */
  readonly contentLength: number;
  /** The client closes the connection after the response. */
  readonly close: boolean;
}

/** More than an ordinary client sends. */
const maxFields = 64;
const version = ' HTTP/1.1\r\n';

/**
 * @param bytes from the first byte of the request
 * @param text the same bytes, latin1
 * @returns null if the head is not whole or not ordinary. Ordinary: method in capitals, origin-form, HTTP/1.1, lines that end in
 *   CRLF, no Expect or Upgrade, at most one of Content-Length and `Transfer-Encoding: chunked`, and nothing in
 *   Connection but keep-alive or close
 */
export function plainHead(bytes: Uint8Array, text: string): PlainHead | null {
  const { length } = bytes;
  let at = 0;
  while (at < length && bytes[at]! >= 0x41 && bytes[at]! <= 0x5a) at++;
  if (at === 0 || bytes[at] !== 0x20 || bytes[at + 1] !== 0x2f) return null;
  // A substring is hashed for each look-up in a set; a literal is not.
  const method = text.startsWith('GET ') ? 'GET' : text.slice(0, at);
  const targetAt = at + 1;
  at = targetAt;
  while (at < length && (octets[bytes[at]!]! & inTarget) !== 0) at++;
  const target = text.slice(targetAt, at);
  if (!text.startsWith(version, at)) return null;
  at += version.length;

  const rawHeaders: string[] = [];
  let contentLength = -1;
  let chunked = false;
  let close = false;
  for (;;) {
    const nameAt = at;
    while (at < length && (octets[bytes[at]!]! & inToken) !== 0) at++;
    if (at === nameAt) break;
    if (bytes[at] !== 0x3a || rawHeaders.length === 2 * maxFields) return null;
    const name = text.slice(nameAt, at++);
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at++;
    const valueAt = at;
    while (at < length && (octets[bytes[at]!]! & inValue) !== 0) at++;
    if (bytes[at] !== 0x0d || bytes[at + 1] !== 0x0a) return null;
    let valueEnd = at;
    while (valueEnd > valueAt && (bytes[valueEnd - 1] === 0x20 || bytes[valueEnd - 1] === 0x09)) valueEnd--;
    const value = text.slice(valueAt, valueEnd);
    at += 2;
    switch (name.length) {
      case 6:
        if (is(name, 'expect')) return null;
        break;
      case 7:
        if (is(name, 'upgrade')) return null;
        break;
      case 10:
        if (!is(name, 'connection')) break;
        if (is(value, 'close')) close = true;
        else if (!is(value, 'keep-alive')) return null;
        break;
      case 14:
        if (!is(name, 'content-length')) break;
        if (contentLength !== -1 || !/^\d{1,9}$/.test(value)) return null;
        contentLength = Number(value);
        break;
      case 17:
        if (!is(name, 'transfer-encoding')) break;
        if (chunked || !is(value, 'chunked')) return null;
        chunked = true;
    }
    rawHeaders.push(name, value);
  }
  if (bytes[at] !== 0x0d || bytes[at + 1] !== 0x0a || (chunked && contentLength !== -1)) return null;
  return {
    method,
    target,
    version: '1.1',
    rawHeaders,
    end: at + 2,
    contentLength: chunked ? -1 : Math.max(0, contentLength),
    close,
  };
}
