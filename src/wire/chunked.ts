/** The chunked coding of RFC 9112 section 7.1, decoded strictly and incrementally. */

import { isToken } from './token.ts';
import { trimmed } from './white-space.ts';

type State = 'size' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailer' | 'done' | 'failed';

const control = /[\0-\x08\x0a-\x1f\x7f]/;
const maxTrailerBytes = 16 * 1024;
/** The longest size line: hex digits and extensions. */
const maxSizeLine = 4096;

/**
 * The content of an ordinary chunked body: complete, nothing after it, no extensions, no trailers. Most bodies from
 * programs are like this, in one packet with their head.
 *
 * @param text latin1
 * @param from where the body begins
 * @returns null for any other body, malformed or not: `ChunkedDecoder` reads it
 */
export function wholeChunked(text: string, from: number): string | null {
  let content = '';
  for (let at = from; ; ) {
    let size = 0;
    let digits = 0;
    for (let digit = hex(text, at); digit !== -1; digit = hex(text, at + digits)) {
      size = size * 16 + digit;
      if (++digits > 8) return null;
    }
    const dataAt = at + digits + 2;
    const end = dataAt + size;
    if (digits === 0 || !text.startsWith('\r\n', dataAt - 2) || !text.startsWith('\r\n', end)) return null;
    if (size === 0) return end + 2 === text.length ? content : null;
    content += text.slice(dataAt, end);
    at = end + 2;
  }
}

/** The value of a hex digit; -1 if it is none. */
function hex(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

export interface ChunkedReading {
  /** Ignore blanks after a chunk size and zeros before it: backends pad sizes to a fixed width. */
  readonly padded: boolean;
}

export class ChunkedDecoder {
  readonly #padded: boolean;
  readonly #sizeLine: RegExp;
  #state: State = 'size';
  #line = '';
  #left = 0;
  #trailer = '';
  /** Why decoding failed; null if it has not. */
  error: string | null = null;
  /** Trailer fields: name, value, name, value …; complete once `done`. */
  readonly trailers: string[] = [];

  /** @param reading leniency for responses; requests are read strictly */
  constructor({ padded }: ChunkedReading = { padded: false }) {
    this.#padded = padded;
    this.#sizeLine = padded ? /^([0-9A-Fa-f]{1,13})[ \t]*(?:;.*)?$/ : /^([0-9A-Fa-f]{1,13})(?:;.*)?$/;
  }

  get done(): boolean {
    return this.#state === 'done';
  }

  /**
   * Decodes a piece.
   *
   * @param onData gets each run of decoded bytes, as views into the piece
   * @returns how many bytes of the piece belong to the body; fewer than all only when done or failed
   */
  decode(bytes: Buffer, onData: (data: Buffer) => void): number {
    let i = 0;
    while (i < bytes.length && this.#state !== 'done' && this.#state !== 'failed') {
      if (this.#state === 'data') {
        const end = Math.min(bytes.length, i + this.#left);
        onData(i === 0 && end === bytes.length ? bytes : bytes.subarray(i, end));
        this.#left -= end - i;
        i = end;
        if (this.#left === 0) this.#state = 'data-cr';
      } else this.#step(bytes[i++]!);
    }
    return i;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case 'size':
        if (byte === 0x0d) this.#state = 'size-lf';
        else if ((byte < 0x20 && !(byte === 0x09 && this.#padded)) || byte === 0x7f)
          this.#fail('a control character in a chunk size line');
        else if (this.#line.length >= maxSizeLine) this.#fail('a chunk size line that is too long');
        else this.#line += String.fromCharCode(byte);
        return;
      case 'size-lf':
        if (byte === 0x0a) this.#size();
        else this.#fail('a bare CR in a chunk size line');
        return;
      case 'data-cr':
        if (byte === 0x0d) this.#state = 'data-lf';
        else this.#fail('chunk data longer than its size');
        return;
      case 'data-lf':
        if (byte === 0x0a) this.#state = 'size';
        else this.#fail('a bare CR after chunk data');
        return;
      case 'trailer':
        this.#trailer += String.fromCharCode(byte);
        if (this.#trailer.length > maxTrailerBytes) this.#fail('a trailer section that is too long');
        else if (byte === 0x0a) this.#trailerLine();
    }
  }

  #size(): void {
    const line = this.#padded ? this.#line.replace(/^0+(?=[0-9A-Fa-f])/, '') : this.#line;
    const match = this.#sizeLine.exec(line);
    this.#line = '';
    if (match === null) {
      this.#fail('a chunk size that is no hexadecimal number');
      return;
    }
    this.#left = Number.parseInt(match[1]!, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'data';
  }

  #trailerLine(): void {
    const text = this.#trailer;
    const start = text.lastIndexOf('\n', text.length - 2) + 1;
    const line = text.slice(start);
    if (!line.endsWith('\r\n')) {
      this.#fail('a trailer line that ends in a bare LF');
      return;
    }
    if (line === '\r\n') {
      this.#state = 'done';
      return;
    }
    const colon = line.indexOf(':');
    const value = line.slice(colon + 1, -2);
    if (colon === -1 || !isToken(line.slice(0, colon)) || control.test(value))
      this.#fail('a malformed trailer line');
    else this.trailers.push(line.slice(0, colon), trimmed(value));
  }

  #fail(why: string): void {
    this.error = why;
    this.#state = 'failed';
  }
}
