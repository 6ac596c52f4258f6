/** Warnings about certificate files: must-staple, and an end that is near or past. */
import { certificateInFile } from './certificate-file.ts';
import type { Config } from './config.ts';

/** The OID of the extension by which a certificate demands an OCSP response in each handshake (RFC 7633), in DER. */
const tlsFeature = Buffer.from('06082b06010505070118', 'hex');
const day = 86_400_000;
/** A certificate with fewer days left should have been renewed. */
const renewedBy = 14;

/** One line per warning, with the place and the fix. @param now milliseconds since the epoch */
export function certificateWarnings({ listen, admin, smtp }: Config, now = Date.now()): string[] {
  const places = [
    ...listen.map(({ tls }, index) => [`listen[${index}].tls`, tls] as const),
    ['admin.tls', admin === false ? null : admin.tls] as const,
    ['smtp.tls', smtp === false ? null : smtp.tls] as const,
  ];
  const seen = new Set<string>();
  return places.flatMap(([place, tls]) =>
    (tls ?? []).flatMap((source) => {
      if (('ordered' in source && source.ordered) || seen.has(source.cert)) return [];
      seen.add(source.cert);
      return warningsAbout(source.cert, now).map((text) => `${place}: ${source.cert} ${text}`);
    }),
  );
}

function warningsAbout(file: string, now: number): string[] {
  const warnings: string[] = [];
  const x509 = certificateInFile(file);
  // `file-checks.ts` reports this as a fault.
  if (x509 === null) return [];
  if (x509.raw.includes(tlsFeature))
    warnings.push(
      'demands an OCSP response in every handshake (must-staple), and none is sent: browsers that check it refuse the certificate. Order one without it',
    );
  const days = Math.floor((x509.validToDate.getTime() - now) / day);
  if (days < 0) warnings.push(`expired ${-days} days ago: check what renews it`);
  else if (days < renewedBy) warnings.push(`expires in ${days} days: check what renews it`);
  return warnings;
}
