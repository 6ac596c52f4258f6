/** The DER structures of an order: the certificate request (RFC 2986), and the certificate that answers TLS-ALPN-01 (RFC 8737). */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  bits,
  certificatePem,
  commonName,
  ecdsaWithSha256,
  elements,
  explicit,
  integer,
  octets,
  oid,
  sequence,
  set,
  tlv,
  validity,
} from '../wire/der.ts';

/** A SubjectAltName with one DNS name; critical, because the subject is empty (RFC 5280 section 4.2.1.6). */
const subjectAltName = (host: string): Buffer =>
  sequence(oid('2.5.29.17'), tlv(0x01, Buffer.of(0xff)), octets(sequence(tlv(0x82, Buffer.from(host)))));

const iso = (time: number): string => new Date(time).toISOString();

const signed = (content: Buffer, key: KeyObject): Buffer =>
  sequence(content, ecdsaWithSha256, bits(sign('sha256', content, key)));

const publicKeyOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });

/** A certificate request for one name. @param key a P-256 key */
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
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const acmeIdentifier = sequence(
    oid('1.3.6.1.5.5.7.1.31'),
    tlv(0x01, Buffer.of(0xff)),
    octets(octets(digest)),
  );
  const name = commonName('ACME challenge');
  const content = sequence(
    explicit(0, integer([2])),
    integer([1, ...randomBytes(15)]),
    ecdsaWithSha256,
    name,
    validity(iso(now - day), iso(now + day)),
    name,
    publicKeyOf(key),
    explicit(3, sequence(subjectAltName(host), acmeIdentifier)),
  );
  return certificatePem(signed(content, key));
}

/**
 * The certificate's identifier in renewal information, made of its authority key identifier and serial number (RFC 9773
 * section 4.1); null: it has none.
 */
export function renewalName(der: Buffer): string | null {
  const [certificate] = elements(der);
  const [tbs] = elements(certificate!.body);
  const fields = elements(tbs!.body);
  const serial = fields[fields[0]?.tag === 0xa0 ? 1 : 0]?.body;
  const extensions = fields.find(({ tag }) => tag === 0xa3);
  const wanted = oid('2.5.29.35');
  for (const { body } of elements(
    elements(extensions?.body ?? Buffer.alloc(0))[0]?.body ?? Buffer.alloc(0),
  )) {
    if (!body.subarray(0, wanted.length).equals(wanted)) continue;
    const value = elements(body).at(-1)!;
    const id = elements(elements(value.body)[0]!.body).find(({ tag }) => tag === 0x80);
    if (id !== undefined && serial !== undefined)
      return `${id.body.toString('base64url')}.${serial.toString('base64url')}`;
  }
  return null;
}
