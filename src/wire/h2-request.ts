/**
 * The fields of an HTTP/2 request, RFC 9113 sections 8.2 and 8.3, as a request that can be judged. Total: malformed fields
 * yield a request with defects, so that a verdict can name what the sender wanted and not only that the request was malformed.
 */
import { FieldNames } from './field-names.ts';
import type { HttpRequest, RequestDefect } from './http-request.ts';
import { inToken, inValue, octets } from './octets.ts';

export interface H2Head {
  readonly request: HttpRequest;
  /** Bytes of the body; -1 if the head does not declare them. */
  readonly contentLength: number;
  /** The value of Expect, in lower case; null if there is none. */
  readonly expect: string | null;
}

/** RFC 9113 section 8.2.2: a message with one of these is malformed. */
export const connectionSpecific = new FieldNames(
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
);
const pseudoNames = [':method', ':scheme', ':authority', ':path', ':protocol'] as const;
type Pseudo = { [name in (typeof pseudoNames)[number]]?: string };

/**
 * @param fields name, value, name, value …, as received
 * @param ends the stream ends with the head
 */
export function h2Request(fields: readonly string[], ends: boolean): H2Head {
  const reading = new Reading(fields);
  const { pseudo, rawHeaders } = reading;
  reading.checkPseudo();
  reading.checkLength(ends);
  const { defects, contentLength, expect } = reading;
  const h2 = {
    authority: pseudo[':authority'] ?? null,
    scheme: pseudo[':scheme'] ?? '',
    protocol: pseudo[':protocol'] ?? null,
  };
  const request = {
    method: pseudo[':method'] ?? '',
    target: pseudo[':path'] ?? '',
    version: '2.0',
    rawHeaders,
  };
  return {
    request: defects === null ? { ...request, h2 } : malformed({ ...request, h2 }, fields, defects),
    contentLength,
    expect,
  };
}

/** With all fields as received, after a request line made of the pseudo-fields. */
function malformed(
  request: HttpRequest,
  fields: readonly string[],
  defects: readonly RequestDefect[],
): HttpRequest {
  const line = `${request.method} ${request.target} HTTP/2.0\r\n`;
  return {
    ...request,
    h2: { ...request.h2!, text: line + fieldText(fields) },
    defects: defects.map((defect) => ({ ...defect, at: line.length + defect.at })),
  };
}

/** The fault of trailers (RFC 9113 section 8.1); null if they have none. */
export function trailerFault(fields: readonly string[]): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name.charCodeAt(0) === colon) return 'a pseudo-field in the trailers';
    const fault = fieldFault(name, fields[i + 1]!);
    if (fault !== null) return fault;
  }
  return null;
}

/** All fields as text, one per line, pseudo-fields included. */
export function fieldText(fields: readonly string[]): string {
  let text = '';
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return text;
}

/** One pass over the fields of a request. */
class Reading {
  readonly pseudo: Pseudo = {};
  readonly rawHeaders: string[] = [];
  defects: RequestDefect[] | null = null;
  contentLength = -1;
  expect: string | null = null;
  /** Index in `rawHeaders` of the value of the first cookie field. */
  #cookie = -1;
  #at = 0;

  constructor(fields: readonly string[]) {
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i]!;
      const value = fields[i + 1]!;
      if (name.charCodeAt(0) === colon) this.#pseudo(name, value);
      else this.#field(name, value);
      this.#at += name.length + value.length + 4;
    }
  }

  /** RFC 9113 section 8.3.1, RFC 8441 section 4. */
  checkPseudo(): void {
    const { ':method': method, ':scheme': scheme, ':path': path, ':protocol': protocol } = this.pseudo;
    this.#at = 0;
    if (method === undefined || method === '') this.#defect('there is no :method');
    if (method === 'CONNECT' && protocol === undefined) {
      if (scheme !== undefined || path !== undefined) this.#defect('a CONNECT with :scheme or :path');
      if (this.pseudo[':authority'] === undefined) this.#defect('a CONNECT without :authority');
      return;
    }
    if (protocol !== undefined && method !== 'CONNECT')
      this.#defect('a :protocol with another method than CONNECT');
    if (protocol !== undefined && this.pseudo[':authority'] === undefined)
      this.#defect('an extended CONNECT without :authority');
    if (scheme === undefined) this.#defect('there is no :scheme');
    if (path === undefined || path === '') this.#defect('there is no :path');
  }

  checkLength(ends: boolean): void {
    if (ends && this.contentLength > 0) this.#defect('a Content-Length with no content');
  }

  #pseudo(name: string, value: string): void {
    if (this.rawHeaders.length > 0) this.#defect(`${name} after a field`);
    if (!valid(value, inValue)) this.#defect(`a control character in ${name}`);
    const known = pseudoNames.find((one) => one === name);
    if (known === undefined) {
      this.#defect('an unknown pseudo-field');
      this.rawHeaders.push(name, value);
    } else if (this.pseudo[known] !== undefined) {
      this.#defect(`a second ${known}`);
      this.rawHeaders.push(name, value);
    } else this.pseudo[known] = value;
  }

  #field(name: string, value: string): void {
    const fault = fieldFault(name, value);
    // fetch() can write control characters into values, except for these three. nginx, HAProxy and Caddy accept white space around them.
    if (fault === inControl && !/[\0\r\n]/.test(value)) this.#defect(fault, { byPage: true });
    else if (fault !== null) this.#defect(fault, fault === aroundValue ? { elsewhereServed: true } : {});
    const { rawHeaders } = this;
    switch (name.length) {
      case 6:
        if (name === 'cookie') {
          // RFC 9113 section 8.2.3: cookie fields are joined before they go into HTTP/1.
          if (this.#cookie !== -1) {
            rawHeaders[this.#cookie] += `; ${value}`;
            return;
          }
          this.#cookie = rawHeaders.length + 1;
        } else if (name === 'expect') this.expect = value.toLowerCase();
        break;
      case 14:
        if (name !== 'content-length') break;
        if (!/^\d{1,15}$/.test(value)) this.#defect('a Content-Length that is no plain number');
        else if (this.contentLength !== -1) this.#defect('more than one Content-Length');
        else this.contentLength = Number(value);
    }
    rawHeaders.push(name, value);
  }

  #defect(why: string, whose: Pick<RequestDefect, 'byPage' | 'elsewhereServed'> = {}): void {
    this.defects ??= [];
    this.defects.push({ why, at: this.#at, ...whose });
  }
}

const inControl = 'a control character in a field value';
const aroundValue = 'white space around a field value';

/** RFC 9113 section 8.2. */
export function fieldFault(name: string, value: string): string | null {
  let fault: string | null = null;
  if (name === '' || !validName(name)) fault = 'a field name that is not a token in lower case';
  else if (!valid(value, inValue)) fault = inControl;
  else if (value !== '' && (isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(value.length - 1))))
    fault = aroundValue;
  else if (connectionSpecific.has(name)) fault = `${name}, which is the connection's in HTTP/1 only`;
  else if (name === 'te' && value.toLowerCase() !== 'trailers') fault = 'a TE other than trailers';
  return fault;
}

function validName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0xff || (octets[code]! & inToken) === 0 || (code >= 0x41 && code <= 0x5a)) return false;
  }
  return true;
}

function valid(text: string, mark: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || (octets[code]! & mark) === 0) return false;
  }
  return true;
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09;
const colon = 0x3a;
