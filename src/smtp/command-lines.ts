/**
 * Cuts a client's bytes into command lines. Strict mode (RFC 5321 section 2.3.8): only CRLF ends a line. Lenient mode, for old printers
 * and scanners: a bare LF or CR also does. Every command is rewritten for the mail server, so neither mode can smuggle one.
 */

export type LineFault = 'too-long' | 'bare-newline' | 'nul';

export type CommandLine =
  /** One character a byte, without its CRLF. */
  | { readonly text: string; readonly fault?: undefined }
  /** The rest of the stream can't be cut into lines; `text` is the part of this line that was read. */
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

  /** Bytes not yet returned as a line. */
  get pending(): number {
    return this.#bytes.length - this.#at;
  }

  /** Takes all pending bytes. */
  takeRest(): Buffer {
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = empty;
    this.#at = 0;
    return rest;
  }

  /**
   * The next line; null until its end has come.
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
      // Report a CR without LF now: a client that ends lines with CR waits for an answer.
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
    // The next byte decides whether this CR is half a CRLF.
    if (end + 1 === this.#bytes.length) return null;
    return this.#line(from, end, end + (this.#bytes[end + 1] === lf ? 2 : 1));
  }

  #fault(fault: LineFault, from: number, to: number): CommandLine {
    const text = this.#bytes.toString('latin1', from, to);
    this.takeRest();
    return { fault, text };
  }
}
