/** The name in a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3), read from the bytes without answering them. */

const handshakeRecord = 0x16;
const clientHello = 1;
const serverName = 0;
const hostName = 0;
/** RFC 1035 section 2.3.4, in the presentation of RFC 6066. */
const longestName = 255;

/**
 * The server_name of the first ClientHello; null where there is none, or where it is not within the bytes. Total. Extensions come in any
 * order, so that of a hello in several packets the first may not have it.
 *
 * @param bytes the first of a connection
 */
export function helloName(bytes: Uint8Array): string | null {
  const view = new Reader(handshakeOf(bytes));
  if (view.take(1) !== clientHello) return null;
  // Length of the message, version, random.
  view.skip(3 + 2 + 32);
  view.skip(view.take(1)); // session id
  view.skip(view.take(2)); // cipher suites
  view.skip(view.take(1)); // compression methods
  const end = view.take(2) + view.at;
  while (view.at + 4 <= Math.min(end, view.length)) {
    const type = view.take(2);
    const length = view.take(2);
    if (type === serverName) return nameIn(view);
    view.skip(length);
  }
  return null;
}

/** The first entry of the list, which is the only one that may be (RFC 6066: one of each type). */
function nameIn(view: Reader): string | null {
  view.skip(2);
  if (view.take(1) !== hostName) return null;
  const length = view.take(2);
  if (length < 1 || length > longestName) return null;
  const name = view.text(length);
  return name !== null && /^[\x21-\x7e]+$/.test(name) ? name : null;
}

/** What the records carry, as far as it came: a hello may be cut into several of them (RFC 8446 section 5.1). */
function handshakeOf(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at + 5 <= bytes.length && bytes[at] === handshakeRecord && parts.length < 64; ) {
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** Reads on; behind the end everything is -1, and nothing more is found. */
class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** A number of so many bytes. */
  take(size: number): number {
    let number = 0;
    if (this.at + size > this.length) {
      this.at = this.length;
      return -1;
    }
    for (let i = 0; i < size; i++) number = number * 256 + this.#bytes[this.at + i]!;
    this.at += size;
    return number;
  }

  skip(count: number): void {
    this.at = count < 0 ? this.length : Math.min(this.at + count, this.length);
  }

  text(length: number): string | null {
    if (this.at + length > this.length) return null;
    return Buffer.from(this.#bytes.subarray(this.at, this.at + length)).toString('latin1');
  }
}
