/** Which certificates demand an OCSP response in each handshake (must-staple, RFC 7633), and whether one can be obtained. */
import { X509Certificate } from 'node:crypto';

/** The OID of the TLS feature extension, in DER. */
const tlsFeature = Buffer.from('06082b06010505070118', 'hex');
/** The TLS extension status_request, number 5, as an INTEGER. */
const statusRequest = Buffer.from('020105', 'hex');

export function demandsStaple({ raw }: X509Certificate): boolean {
  const at = raw.indexOf(tlsFeature);
  if (at < 0) return false;
  const after = at + tlsFeature.length;
  // An extension may have a BOOLEAN that says it is critical, before its value (RFC 5280 section 4.1).
  const value = raw[after] === 0x01 ? after + 3 : after;
  return raw.subarray(value + 2, value + 2 + (raw[value + 1] ?? 0)).includes(statusRequest);
}

/** The address of the responder that the certificate names; null: it names none with an http: address. */
export function responderOf(certificate: X509Certificate): string | null {
  // Not toLegacyObject(): called before anything has loaded node:tls, it leaves that module without createSecureContext (Node 26.10).
  // Node quotes addresses with odd characters, so those are passed over.
  const named = [...(certificate.infoAccess ?? '').matchAll(/^OCSP - URI:([^"\s]+)$/gm)];
  return named.map(([, url]) => url!).find(isPlainHttp) ?? null;
}

const isPlainHttp = (url: string): boolean => URL.canParse(url) && new URL(url).protocol === 'http:';

/** The issuer's certificate in a PEM chain; null: it is missing. */
export function issuerIn(chain: Buffer, certificate: X509Certificate): X509Certificate | null {
  for (const pem of chain.toString('latin1').match(onePem) ?? []) {
    try {
      const issuer = new X509Certificate(pem);
      if (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) return issuer;
    } catch {
      // A malformed certificate cannot be the issuer.
    }
  }
  return null;
}

const onePem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Why a response cannot be stapled, with the fix; null: it can. */
export function stapleFault(chain: Buffer, certificate: X509Certificate): string | null {
  if (responderOf(certificate) === null)
    return 'it names no OCSP responder with an http: address: order one without must-staple';
  if (issuerIn(chain, certificate) === null)
    return 'its file has no certificate of its issuer: use the full chain';
  return null;
}

/** The first DNS name of a certificate, or its subject: how the log and alerts name it. */
export const certificateName = ({ subjectAltName, subject }: X509Certificate): string =>
  /DNS:([^,\s"]+)/.exec(subjectAltName ?? '')?.[1] ?? subject.replaceAll('\n', ', ');
