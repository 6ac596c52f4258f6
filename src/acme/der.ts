/** The DER that an order needs: a certificate request (RFC 2986), and the certificate that answers TLS-ALPN-01 (RFC 8737). */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';

function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const size = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | size.length]), size, body]);
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts);
const set = (...parts: readonly Uint8Array[]): Buffer => tlv(0x31, ...parts);
const octets = (...parts: readonly Uint8Array[]): Buffer => tlv(0x04, ...parts);
const bits = (bytes: Uint8Array): Buffer => tlv(0x03, Buffer.of(0), bytes);
const explicit = (tag: number, ...parts: readonly Uint8Array[]): Buffer => tlv(0xa0 | tag, ...parts);
const integer = (bytes: readonly number[] | Uint8Array): Buffer => tlv(0x02, Buffer.from(bytes));

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const base128 = (value: number): number[] => {
    const digits = [value & 0x7f];
    for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  };
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

/** A SubjectAltName of one DNS name; critical, since there is no subject beside it (RFC 5280 section 4.2.1.6). */
const subjectAltName = (host: string): Buffer =>
  sequence(oid('2.5.29.17'), tlv(0x01, Buffer.of(0xff)), octets(sequence(tlv(0x82, Buffer.from(host)))));

const signed = (content: Buffer, key: KeyObject): Buffer =>
  sequence(content, ecdsaWithSha256, bits(sign('sha256', content, key)));

const publicKeyOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });

/** A certificate request for one name. @param key an EC key of P-256 */
export function certificateRequest(host: string, key: KeyObject): Buffer {
  const extensions = sequence(oid('1.2.840.113549.1.9.14'), set(sequence(subjectAltName(host))));
  return signed(sequence(integer([0]), sequence(), publicKeyOf(key), explicit(0, extensions)), key);
}

/**
 * The self-signed certificate that proves control of a name by TLS-ALPN-01, as PEM.
 *
 * @param keyAuthorization token and thumbprint (RFC 8555 section 8.1)
 * @param now milliseconds since the epoch
 */
export function challengeCertificate(
  host: string,
  keyAuthorization: string,
  key: KeyObject,
  now: number,
): string {
  const day = 86_400_000;
  // UTCTime holds until 2049 (RFC 5280 section 4.1.2.5); this certificate lives for a minute.
  const time = (at: number): Buffer =>
    tlv(0x17, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const acmeIdentifier = sequence(
    oid('1.3.6.1.5.5.7.1.31'),
    tlv(0x01, Buffer.of(0xff)),
    octets(octets(digest)),
  );
  const name = sequence(set(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from('ACME challenge')))));
  const content = sequence(
    explicit(0, integer([2])),
    integer([1, ...randomBytes(15)]),
    ecdsaWithSha256,
    name,
    sequence(time(now - day), time(now + day)),
    name,
    publicKeyOf(key),
    explicit(3, sequence(subjectAltName(host), acmeIdentifier)),
  );
  const base64 = signed(content, key)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

/** Serial number and authority key identifier of a certificate as its name in renewal information (RFC 9773 section 4.1); null: it has none. */
export function renewalName(der: Buffer): string | null {
  const [certificate] = children(der);
  const [tbs] = children(certificate!.body);
  const fields = children(tbs!.body);
  const serial = fields[fields[0]?.tag === 0xa0 ? 1 : 0]?.body;
  const extensions = fields.find(({ tag }) => tag === 0xa3);
  const wanted = oid('2.5.29.35');
  for (const { body } of children(
    children(extensions?.body ?? Buffer.alloc(0))[0]?.body ?? Buffer.alloc(0),
  )) {
    if (!body.subarray(0, wanted.length).equals(wanted)) continue;
    const value = children(body).at(-1)!;
    const id = children(children(value.body)[0]!.body).find(({ tag }) => tag === 0x80);
    if (id !== undefined && serial !== undefined)
      return `${id.body.toString('base64url')}.${serial.toString('base64url')}`;
  }
  return null;
}

/** The elements of a DER body that Node has parsed as a certificate before. */
function children(der: Buffer): { readonly tag: number; readonly body: Buffer }[] {
  const found: { readonly tag: number; readonly body: Buffer }[] = [];
  for (let at = 0; at + 2 <= der.length; ) {
    const first = der[at + 1]!;
    const long = first < 0x80 ? 0 : first & 0x7f;
    const size = long === 0 ? first : der.readUIntBE(at + 2, Math.min(long, 6));
    const start = at + 2 + long;
    found.push({ tag: der[at]!, body: der.subarray(start, start + size) });
    at = start + size;
  }
  return found;
}
