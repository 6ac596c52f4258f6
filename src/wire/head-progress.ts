/**
 * Tracks how much of a request head has arrived, in whatever packets. Each byte is examined once, and a fault is reported with
 * the line that has it: a client that does not send HTTP is not kept until a deadline.
 */
import { inToken, inValue, octets } from './octets.ts';
import { tokenChars } from './token.ts';

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const colon = 0x3a;

const requestLine = new RegExp(`^[${tokenChars}]+ [^ \\t\\r\\n]+ HTTP/1\\.[01]$`);

export class HeadProgress {
  /** Where the current line begins. */
  #lineAt = 0;
  /** Bytes examined. */
  #seen = 0;
  #inFields = false;

  /** Offset of the first byte after the head, once it is whole. */
  get end(): number {
    return this.#lineAt;
  }

  /**
   * @param bytes all bytes since the beginning of the request; each call passes the same ones and more
   * @returns `more` before the end of the head, `whole` at the end, `fault` if a line does not belong in a request
   */
  advance(bytes: Uint8Array): 'more' | 'whole' | 'fault' {
    const { length } = bytes;
    for (let at = this.#seen; at < length; at++) {
      if (bytes[at] !== lf) continue;
      const from = this.#lineAt;
      const to = at > from && bytes[at - 1] === cr ? at - 1 : at;
      this.#lineAt = at + 1;
      this.#seen = at + 1;
      if (to === from) {
        // RFC 9112 section 2.2: empty lines before the request line are ignored. A bare LF does not end a head.
        if (!this.#inFields) continue;
        return to === at ? 'fault' : 'whole';
      }
      if (to === at || !this.#isLine(bytes, from, to)) return 'fault';
      this.#inFields = true;
    }
    this.#seen = length;
    return this.#mayBeLine(bytes, this.#lineAt) ? 'more' : 'fault';
  }

  #isLine(bytes: Uint8Array, from: number, to: number): boolean {
    if (!this.#inFields) return requestLine.test(latin1(bytes, from, to));
    let at = from;
    while (at < to && (octets[bytes[at]!]! & inToken) !== 0) at++;
    if (at === from || bytes[at] !== colon) return false;
    while (at < to && (octets[bytes[at]!]! & inValue) !== 0) at++;
    return at === to;
  }

  /** Whether a line can begin with these bytes. */
  #mayBeLine(bytes: Uint8Array, from: number): boolean {
    const first = bytes[from];
    if (first === undefined) return true;
    if ((octets[first]! & inToken) === 0 && first !== cr) return false;
    // Only request lines are checked early; a field line is checked when it is whole.
    if (this.#inFields) return true;
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte < space && byte !== tab && !(byte === cr && at === bytes.length - 1)) return false;
    }
    return true;
  }
}

const latin1 = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
