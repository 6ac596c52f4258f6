/**
 * How far a request head has come, whatever packets it comes in. It looks at each byte once, and tells of a fault as soon
 * as the line that has it is there: who sends no HTTP is not waited for until a deadline.
 */
import { inToken, inValue, octets } from './octets.ts';

const tab = 0x09;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const colon = 0x3a;

const requestLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [^ \t\r\n]+ HTTP\/1\.[01]$/;

export class HeadProgress {
  /** Where the line under way begins. */
  #lineAt = 0;
  /** Bytes looked at. */
  #seen = 0;
  #inFields = false;

  /** Offset of the first byte behind the head, once it is whole. */
  get end(): number {
    return this.#lineAt;
  }

  /**
   * @param bytes of the connection from the first of the request; each call brings the same ones, and more
   * @returns `more` as long as the end has not come, `whole` once it has, `fault` where a line is none of a request
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
        // RFC 9112 section 2.2: empty lines before the request line are passed over. A bare LF ends no head.
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

  /** Whether a line may begin so. */
  #mayBeLine(bytes: Uint8Array, from: number): boolean {
    const first = bytes[from];
    if (first === undefined) return true;
    if ((octets[first]! & inToken) === 0 && first !== cr) return false;
    // Of a request line only: one of fields is looked at once it is whole.
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
