/** Reads a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section 3) from its bytes, without a handshake. */

const handshakeRecord = 0x16;
const clientHello = 1;
const serverName = 0;
const signatureAlgorithms = 13;
/** ecdsa_secp256r1_sha256 and those of P-384 and P-521 (RFC 8446 section 4.2.3). */
const ecdsa = new Set([0x0403, 0x0503, 0x0603]);
/** The TLS 1.3 suites, which work with any certificate, and the TLS 1.2 suites with ECDSA that we offer (RFC 5289, RFC 7905). */
const suitesForEcdsa = new Set([0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9]);
const hostName = 0;
/** RFC 1035 section 2.3.4, in the presentation of RFC 6066. */
const longestName = 255;

export interface Hello {
  /** The server_name; null if there is none, or it is not within the bytes. */
  readonly name: string | null;
  /** False: the client accepts only certificates with an RSA key. */
  readonly takesEcdsa: boolean;
}

/**
 * Reads the first ClientHello. Total. Extensions have no fixed order, so the first packet of a hello in several packets may not hold them.
 *
 * @param bytes the first bytes of a connection
 */
export function readHello(bytes: Uint8Array): Hello {
  const view = new Reader(handshakeOf(bytes));
  let [name, takesEcdsa]: [string | null, boolean] = [null, true];
  if (view.take(1) !== clientHello) return { name, takesEcdsa };
  // Length of the message, version, random.
  view.skip(3 + 2 + 32);
  view.skip(view.take(1)); // session id
  const suites = view.list(view.take(2));
  view.skip(view.take(1)); // compression methods
  const end = view.take(2) + view.at;
  while (view.at + 4 <= Math.min(end, view.length)) {
    const type = view.take(2);
    const length = view.take(2);
    const next = view.at + length;
    if (type === serverName) name ??= nameIn(view);
    if (type === signatureAlgorithms) takesEcdsa = view.list(view.take(2)).some((one) => ecdsa.has(one));
    view.skip(next - view.at);
  }
  return { name, takesEcdsa: takesEcdsa && suites.some((one) => suitesForEcdsa.has(one)) };
}

/** The name in a ClientHello; null if there is none. */
export const helloName = (bytes: Uint8Array): string | null => readHello(bytes).name;

/** The first entry of the list. RFC 6066 allows one entry of each type, and defines only one type. */
function nameIn(view: Reader): string | null {
  view.skip(2);
  if (view.take(1) !== hostName) return null;
  const length = view.take(2);
  if (length < 1 || length > longestName) return null;
  const name = view.text(length);
  return name !== null && /^[\x21-\x7e]+$/.test(name) ? name : null;
}

/** The payload of the handshake records received so far: a hello may be split over several (RFC 8446 section 5.1). */
function handshakeOf(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at + 5 <= bytes.length && bytes[at] === handshakeRecord && parts.length < 64; ) {
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** A cursor over bytes; past the end, numbers read as -1. */
class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** A number of `size` bytes. */
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

  /** Two-byte numbers that fill `length` bytes; as many as were received. */
  list(length: number): number[] {
    const numbers: number[] = [];
    const end = Math.min(this.at + Math.max(0, length), this.length);
    while (this.at + 2 <= end) numbers.push(this.take(2));
    this.at = end;
    return numbers;
  }

  text(length: number): string | null {
    if (this.at + length > this.length) return null;
    return Buffer.from(this.#bytes.subarray(this.at, this.at + length)).toString('latin1');
  }
}
