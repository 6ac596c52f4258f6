/** Reads request heads: ordinary ones in a single pass, all others with the strict parser that `explain` uses. */
import { wholeChunked } from '../wire/chunked.ts';
import { is } from '../wire/field-names.ts';
import { HeadProgress } from '../wire/head-progress.ts';
import { listMembers } from '../wire/header-facts.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { plainHead } from '../wire/plain-head.ts';
import { parseRequestHead } from '../wire/request-head.ts';

/** A request head with what the connection needs of it. */
export interface ReadRequest extends HttpRequest {
  /** Offset of the first byte after the head. */
  readonly end: number;
  /** Bytes of the body; -1: chunked. Only valid once the judge has refused ambiguous framing. */
  readonly contentLength: number;
  /** The client expects the connection to close after the answer. */
  readonly close: boolean;
  /** An HTTP/1.0 client asks for keep-alive and needs it confirmed. */
  readonly keepAlive?: boolean;
  /** Value of Expect, in lower case. */
  readonly expect?: string;
}

/** Bytes of a packet that are searched for an ordinary head; most heads are shorter. */
const usual = 8192;

export class RequestReader {
  readonly #headerBytes: number;
  #progress: HeadProgress | null = null;
  /** The part of the last packet that was searched for an ordinary head. */
  #text = '';

  /** @param headerBytes the longest head that is read */
  constructor(headerBytes: number) {
    this.#headerBytes = headerBytes;
  }

  /**
   * Reads the head at the start of the bytes.
   *
   * @param bytes everything since the end of the previous request; each call brings the same ones and more
   * @returns the head; or that more bytes are needed, it is too long, or it is not a request
   */
  read(bytes: Buffer): ReadRequest | 'more' | 'too long' | 'fault' {
    if (this.#progress === null) {
      const part = bytes.length > usual ? bytes.subarray(0, usual) : bytes;
      this.#text = part.toString('latin1');
      const plain = plainHead(part, this.#text);
      if (plain !== null) return plain.end > this.#headerBytes ? 'too long' : plain;
    }
    this.#text = '';
    this.#progress ??= new HeadProgress();
    const reached = this.#progress.advance(bytes);
    if (reached === 'fault') return 'fault';
    if (reached === 'more') return bytes.length > this.#headerBytes ? 'too long' : 'more';
    const { end } = this.#progress;
    if (end > this.#headerBytes) return 'too long';
    const head = parseRequestHead(bytes.subarray(0, end));
    if (head === null || !head.complete || head.defects.length > 0) return 'fault';
    this.#progress = null;
    return withFraming(head.method, head.target, head.version, head.rawHeaders, head.end);
  }

  /**
   * The body of the ordinary request read last, if all of it arrived with the head: as a string, which is cheaper to join to a head
   * than bytes are.
   *
   * @param length of the bytes that the head was read from
   */
  bodyAlong({ end, contentLength }: ReadRequest, length: number): { content: string; end: number } | null {
    const text = this.#text;
    if (end >= text.length) return null;
    if (contentLength !== -1) {
      const bodyEnd = end + contentLength;
      return bodyEnd > text.length ? null : { content: text.slice(end, bodyEnd), end: bodyEnd };
    }
    const content = text.length === length ? wholeChunked(text, end) : null;
    return content === null ? null : { content, end: length };
  }
}

function withFraming(
  method: string,
  target: string,
  version: string,
  rawHeaders: readonly string[],
  end: number,
): ReadRequest {
  let contentLength = 0;
  let options: string[] = [];
  let expect = '';
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = rawHeaders[i + 1]!;
    if (is(name, 'transfer-encoding')) contentLength = -1;
    else if (is(name, 'content-length') && contentLength === 0) contentLength = Number(value);
    else if (is(name, 'connection')) options = [...options, ...listMembers(value)];
    // RFC 9110 section 10.1.1: ignored from HTTP/1.0 clients.
    else if (is(name, 'expect') && version !== '1.0') expect = value.toLowerCase();
  }
  const old = version === '1.0';
  const keepAlive = old && options.includes('keep-alive');
  return {
    method,
    target,
    version,
    rawHeaders,
    end,
    contentLength,
    close: options.includes('close') || (old && !keepAlive),
    keepAlive,
    expect,
  };
}
