/**
 * The fields of an HTTP/2 response, RFC 9113 section 8.3.2, as a response head. As strict as for HTTP/1: an ambiguous response
 * must not reach a client.
 */
import { FieldNames } from './field-names.ts';
import { connectionSpecific, fieldFault } from './h2-request.ts';
import { ResponseHead } from './response-head.ts';
import { trimmed } from './white-space.ts';

/** Fields between gateway and backend only, and `Alt-Svc` (RFC 7838), which leads clients past the checkpoint. */
const dropped = new FieldNames('te', 'alt-svc', 'http2-settings', 'proxy-authenticate');

/**
 * Removes white space around values. RFC 9113 section 8.2.1 forbids it, but gRPC servers write error messages into values unchanged, and
 * curl, nginx, HAProxy and Caddy accept them.
 *
 * @param fields name, value, name, value … of a response
 */
export function withoutBlanks(fields: readonly string[]): readonly string[] {
  let copy: string[] | null = null;
  for (let i = 1; i < fields.length; i += 2) {
    const value = fields[i]!;
    const text = trimmed(value);
    if (text.length === value.length) continue;
    copy ??= [...fields];
    copy[i] = text;
  }
  return copy ?? fields;
}

/**
 * @param fields name, value, name, value …, as received
 * @param method that of the request
 * @param ends the stream ends with the head
 * @returns the head, or what is wrong with it
 */
export function h2Response(fields: readonly string[], method: string, ends: boolean): ResponseHead | string {
  if (fields[0] !== ':status' || !/^[1-9]\d\d$/.test(fields[1]!)) return 'no valid :status at the beginning';
  const status = Number(fields[1]);
  let lines = '';
  let contentLength: string | null = null;
  let dated = false;
  for (let i = 2; i < fields.length; i += 2) {
    const name = fields[i]!;
    const value = fields[i + 1]!;
    if (name.startsWith(':')) return 'a pseudo-field after :status';
    const fault = fieldFault(name, value);
    if (fault !== null) return fault;
    if (connectionSpecific.has(name)) return `a field that HTTP/2 has no place for, ${name}`;
    if (dropped.has(name)) continue;
    if (name === 'content-length') {
      if (!/^\d{1,15}$/.test(value)) return 'a Content-Length that is no number';
      if (contentLength !== null && contentLength !== value) return 'two different Content-Lengths';
      if (contentLength !== null) continue;
      contentLength = value;
      // RFC 9110 section 8.6: none with a 204 or a 1xx.
      if (status === 204 || status < 200) continue;
    }
    dated ||= name === 'date';
    lines += `${name}: ${value}\r\n`;
  }
  if (status < 200) {
    if (status === 101) return 'a 101, which HTTP/2 does not have';
    if (ends) return 'a 1xx that ends the stream';
  }
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const length = bodiless || contentLength === null ? 0 : Number(contentLength);
  if (ends && length > 0) return 'a Content-Length with no content';
  // Without a length, an HTTP/1 client would wait for a body.
  if (ends && !bodiless && contentLength === null) lines += 'content-length: 0\r\n';
  return new ResponseHead({
    status,
    reason: '',
    fields: lines,
    framing: ends || bodiless ? 'none' : contentLength === null ? 'chunked' : 'length',
    length,
    keepAlive: true,
    dated,
    upgrade: '',
    end: 0,
  });
}
