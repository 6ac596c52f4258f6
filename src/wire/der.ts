/** The part of DER (X.690) that certificates, certificate requests and OCSP requests need. Pure. */

export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const size = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | size.length]), size, body]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => tlv(0x31, ...parts);
export const octets = (...parts: readonly Uint8Array[]): Buffer => tlv(0x04, ...parts);
export const bits = (bytes: Uint8Array): Buffer => tlv(0x03, Buffer.of(0), bytes);
export const explicit = (tag: number, ...parts: readonly Uint8Array[]): Buffer => tlv(0xa0 | tag, ...parts);
export const integer = (bytes: readonly number[] | Uint8Array): Buffer => tlv(0x02, Buffer.from(bytes));

export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const base128 = (value: number): number[] => {
    const digits = [value & 0x7f];
    for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  };
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

export const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

/** A name that has only a commonName (RFC 5280 section 4.1.2.4). */
export const commonName = (text: string): Buffer =>
  sequence(set(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(text)))));

/** The validity period of a certificate, from ISO 8601 times. UTCTime ends in 2049 (RFC 5280 section 4.1.2.5). */
export const validity = (from: string, until: string): Buffer => sequence(utcTime(from), utcTime(until));

const utcTime = (iso: string): Buffer => tlv(0x17, Buffer.from(`${iso.replace(/[-:T]/g, '').slice(2, 14)}Z`));

/** The text form of a certificate (RFC 7468). */
export const certificatePem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;

export interface DerElement {
  readonly tag: number;
  readonly body: Buffer;
  /** The whole element, with tag and length. */
  readonly der: Buffer;
}

/**
 * The elements of a DER body, for tags below 31.
 *
 * @throws RangeError if a length is malformed, or the last element is cut off
 */
export function elements(der: Buffer): DerElement[] {
  const found: DerElement[] = [];
  for (let at = 0; at < der.length; ) {
    const first = der[at + 1] ?? 0xff;
    const long = first < 0x80 ? 0 : first & 0x7f;
    // 0x80 is the indefinite length of BER.
    if (first === 0x80 || long > 4) throw new RangeError('a length is malformed');
    const size = long === 0 ? first : der.readUIntBE(at + 2, long);
    const start = at + 2 + long;
    if (start + size > der.length) throw new RangeError('an element is cut off');
    found.push({
      tag: der[at]!,
      body: der.subarray(start, start + size),
      der: der.subarray(at, start + size),
    });
    at = start + size;
  }
  return found;
}
