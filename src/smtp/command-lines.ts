/**
 * Cuts what a client sends into command lines, strictly (RFC 5321 section 2.3.8): a line ends in CRLF and in nothing else. Or
 * leniently: a bare LF or CR ends one too, as old printers and scanners have it. Every command is written anew for the mail
 * server, so nothing can be smuggled by it.
 */

export type LineFault = 'too-long' | 'bare-newline' | 'nul';

export type CommandLine =
  /** One character a byte, without its CRLF. */
  | { readonly text: string; readonly fault?: undefined }
  /** The stream cannot be told into lines from here on; `text` is what was read of this one. */
  | { readonly fault: LineFault; readonly text: string };

const empty = Buffer.alloc(0);
const lf = 0x0a;
const cr = 0x0d;

export class CommandLines {
  readonly #lenient: boolean;
  #bytes: Buffer = empty;
  #at = 0;

  constructor(lenient = false) {
    this.#lenient = lenient;
  }

  push(chunk: Buffer): void {
    this.#bytes = this.pending === 0 ? chunk : Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /** Bytes that no line has been made of yet. */
  get pending(): number {
    return this.#bytes.length - this.#at;
  }

  /** Takes all of them. */
  takeRest(): Buffer {
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = empty;
    this.#at = 0;
    return rest;
  }

  /**
   * The next line; null where its end has not come yet.
   *
   * @param longest octets of a line, CRLF included
   */
  next(longest: number): CommandLine | null {
    const from = this.#at;
    if (this.#lenient) return this.#nextLenient(longest);
    const end = this.#bytes.indexOf(lf, from);
    const length = end === -1 ? this.pending : end + 1 - from;
    if (length > longest) return this.#fault('too-long', from, from + longest);
    if (end === -1) {
      // A CR that is followed by something else can be told already, and a client that ends lines so waits for ever.
      const bare = this.#bytes.indexOf(cr, from);
      return bare !== -1 && bare < this.#bytes.length - 1
        ? this.#fault('bare-newline', from, this.#bytes.length)
        : null;
    }
    if (this.#bytes.indexOf(cr, from) !== end - 1) return this.#fault('bare-newline', from, end);
    return this.#line(from, end - 1, end + 1);
  }

  #line(from: number, to: number, next: number): CommandLine {
    const text = this.#bytes.toString('latin1', from, to);
    this.#at = next;
    return text.includes('\0') ? { fault: 'nul', text } : { text };
  }

  #nextLenient(longest: number): CommandLine | null {
    const from = this.#at;
    const rest = this.#bytes.subarray(from);
    const length = rest.findIndex((byte) => byte === lf || byte === cr);
    if ((length === -1 ? rest.length : length) > longest - 2)
      return this.#fault('too-long', from, from + longest);
    if (length === -1) return null;
    const end = from + length;
    if (this.#bytes[end] === lf) return this.#line(from, end, end + 1);
    // Whether it is half a CRLF is told by the next byte.
    if (end + 1 === this.#bytes.length) return null;
    return this.#line(from, end, end + (this.#bytes[end + 1] === lf ? 2 : 1));
  }

  #fault(fault: LineFault, from: number, to: number): CommandLine {
    const text = this.#bytes.toString('latin1', from, to);
    this.takeRest();
    return { fault, text };
  }
}
