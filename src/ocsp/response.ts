/**
 * OCSP (RFC 6960) in the profile of RFC 5019: writes the request for one certificate, and verifies the response. Loaded only when
 * a certificate demands stapling: the ASN.1 library takes 6 MB in each process.
 */
import { createHash, verify, X509Certificate } from 'node:crypto';
import {
  BasicOCSPResponse,
  id_pkix_ocsp_basic,
  OCSPResponse,
  OCSPResponseStatus,
  type SingleResponse,
} from '@peculiar/asn1-ocsp';
import { AsnConvert } from '@peculiar/asn1-schema';
import { elements, integer, octets, oid, sequence, tlv } from '../wire/der.ts';

/** A response that must not be stapled, and why. */
export class OcspError extends Error {}

/** Times are milliseconds since the epoch. `from` and `until`: when the response is valid. */
export type CertificateStatus = { readonly from: number; readonly until: number } & (
  | { readonly status: 'good' | 'unknown' }
  | { readonly status: 'revoked'; readonly at: number }
);

/** How far ahead the responder's clock may be, in milliseconds. */
const skew = 300_000;
/** How long a response without nextUpdate is used, in milliseconds: as long as browsers accept it. */
const withoutEnd = 86_400_000;
/** Certificates in a response that are tried as its signer's. One is usual; each costs two signature checks. */
const mostSigners = 4;
/**
 * Bounds of the parser. Usual are 35 elements, 90 with a responder's certificate; 64 KiB of small ones would block all connections for
 * half a second.
 */
const bounds = { berOptions: { maxNodes: 1000, maxDepth: 32 } };
const sha1 = '1.3.14.3.2.26';
const ocspSigning = '1.3.6.1.5.5.7.3.9';

/** Signature algorithms by OID. SHA-1 is missing: its collisions can be computed. */
const algorithms: Readonly<Record<string, { readonly key: string; readonly hash: string | null }>> = {
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
  '1.3.101.112': { key: 'ed25519', hash: null },
};

interface CertId {
  readonly nameHash: Buffer;
  readonly keyHash: Buffer;
  readonly serial: Buffer;
}

/** @param certificate issued by `issuer` */
export function ocspRequest(certificate: X509Certificate, issuer: X509Certificate): Buffer {
  const { nameHash, keyHash, serial } = certId(certificate, issuer);
  const id = sequence(sequence(oid(sha1), tlv(0x05)), octets(nameHash), octets(keyHash), integer(serial));
  return sequence(sequence(sequence(sequence(id))));
}

/**
 * Reads the response about a certificate, and verifies everything that a client would.
 *
 * @param now milliseconds since the epoch
 * @throws OcspError if it is no response about this certificate, is not signed for its issuer, or is not valid now
 */
export function readResponse(
  bytes: Buffer,
  certificate: X509Certificate,
  issuer: X509Certificate,
  now: number,
): CertificateStatus {
  const { basic, signed } = basicResponse(bytes);
  const { responses, responseExtensions = [] } = basic.tbsResponseData;
  const wanted = certId(certificate, issuer);
  const one = responses.find((response) => isAbout(response, wanted));
  if (one === undefined) throw new OcspError('the response is about another certificate');
  if (!isSigned(basic, signed, issuer, now))
    throw new OcspError('the response is not signed by the issuer or for it');
  // RFC 5280 section 4.2: what an unknown critical extension says may change the meaning of the rest.
  if ([...responseExtensions, ...(one.singleExtensions ?? [])].some(({ critical }) => critical))
    throw new OcspError('the response has an unknown critical extension');
  return statusOf(one, now);
}

function statusOf({ certStatus, thisUpdate, nextUpdate }: SingleResponse, now: number): CertificateStatus {
  const from = thisUpdate.getTime();
  const until = nextUpdate?.getTime() ?? from + withoutEnd;
  if (!(from <= now + skew)) throw new OcspError("the response is not valid yet: check this machine's clock");
  if (!(until > now)) throw new OcspError("the response has expired: check this machine's clock");
  if (certStatus.revoked !== undefined)
    return { status: 'revoked', from, until, at: certStatus.revoked.revocationTime.getTime() };
  return { status: certStatus.good === null ? 'good' : 'unknown', from, until };
}

/** @returns the response, and the bytes that its signature covers */
function basicResponse(bytes: Buffer): { readonly basic: BasicOCSPResponse; readonly signed: Buffer } {
  try {
    // The library ignores bytes after the response, but clients refuse them.
    if (elements(bytes).length !== 1) throw new OcspError('the response is malformed');
    const { responseStatus, responseBytes } = AsnConvert.parse(bytes, OCSPResponse, bounds);
    if (responseStatus !== OCSPResponseStatus.successful)
      throw new OcspError(`the responder answered ${OCSPResponseStatus[responseStatus] ?? responseStatus}`);
    if (responseBytes?.responseType !== id_pkix_ocsp_basic)
      throw new OcspError('the response is of an unknown type');
    const basic = AsnConvert.parse(responseBytes.response.buffer, BasicOCSPResponse, bounds);
    if (basic.tbsResponseDataRaw === undefined) throw new OcspError('the response is malformed');
    return { basic, signed: Buffer.from(basic.tbsResponseDataRaw) };
  } catch (error) {
    if (error instanceof OcspError) throw error;
    throw new OcspError('the response is malformed', { cause: error });
  }
}

function certId(certificate: X509Certificate, issuer: X509Certificate): CertId {
  const fields = elements(elements(elements(certificate.raw)[0]!.body)[0]!.body);
  // The version comes first, unless it is 1. Then serial number, signature algorithm and issuer (RFC 5280 section 4.1).
  const at = fields[0]?.tag === 0xa0 ? 1 : 0;
  const key = elements(elements(issuer.publicKey.export({ type: 'spki', format: 'der' }))[0]!.body)[1]!;
  return {
    serial: fields[at]!.body,
    nameHash: hash(fields[at + 2]!.der),
    // Without the first byte of the BIT STRING, the count of its unused bits.
    keyHash: hash(key.body.subarray(1)),
  };
}

const hash = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest();

function isAbout({ certID }: SingleResponse, { nameHash, keyHash, serial }: CertId): boolean {
  return (
    certID.hashAlgorithm.algorithm === sha1 &&
    nameHash.equals(Buffer.from(certID.issuerNameHash.buffer)) &&
    keyHash.equals(Buffer.from(certID.issuerKeyHash.buffer)) &&
    serial.equals(Buffer.from(certID.serialNumber))
  );
}

/** Whether the issuer signed it, or a responder that the issuer appointed (RFC 6960 section 4.2.2.2). */
function isSigned(basic: BasicOCSPResponse, signed: Buffer, issuer: X509Certificate, now: number): boolean {
  const algorithm = algorithms[basic.signatureAlgorithm.algorithm];
  if (algorithm === undefined) throw new OcspError('the signature of the response has an unknown algorithm');
  const signature = Buffer.from(basic.signature);
  const signedBy = ({ publicKey }: X509Certificate): boolean => {
    try {
      return (
        publicKey.asymmetricKeyType === algorithm.key && verify(algorithm.hash, signed, publicKey, signature)
      );
    } catch {
      return false;
    }
  };
  if (signedBy(issuer)) return true;
  return (basic.certs ?? []).slice(0, mostSigners).some((one) => {
    try {
      const delegate = new X509Certificate(Buffer.from(AsnConvert.serialize(one)));
      return (
        delegate.checkIssued(issuer) &&
        delegate.verify(issuer.publicKey) &&
        // Otherwise any customer of the authority could sign.
        delegate.keyUsage?.includes(ocspSigning) === true &&
        delegate.validFromDate.getTime() <= now + skew &&
        delegate.validToDate.getTime() > now &&
        signedBy(delegate)
      );
    } catch {
      return false;
    }
  });
}
