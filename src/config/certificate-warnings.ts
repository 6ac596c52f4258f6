/** What certificates in files hold that hardly anybody means. */
import { certificateInFile } from './certificate-file.ts';
import type { Config } from './config.ts';

/** The extension by which a certificate asks for an OCSP answer in each handshake (RFC 7633), as DER has its name. */
const tlsFeature = Buffer.from('06082b06010505070118', 'hex');
const day = 86_400_000;
/** Days: what renews certificates should have done so by then. */
const daysToTell = 14;

/** One line each, with the place and the fix. @param now milliseconds since the epoch */
export function certificateWarnings({ listen, admin, smtp }: Config, now = Date.now()): string[] {
  const places = [
    ...listen.map(({ tls }, index) => [`listen[${index}].tls`, tls] as const),
    ['admin.tls', admin === false ? null : admin.tls] as const,
    ['smtp.tls', smtp === false ? null : smtp.tls] as const,
  ];
  const told = new Set<string>();
  return places.flatMap(([place, tls]) =>
    (tls ?? []).flatMap((source) => {
      if (('ordered' in source && source.ordered) || told.has(source.cert)) return [];
      told.add(source.cert);
      return warningsAbout(source.cert, now).map((text) => `${place}: ${source.cert} ${text}`);
    }),
  );
}

function warningsAbout(file: string, now: number): string[] {
  const warnings: string[] = [];
  const x509 = certificateInFile(file);
  // Told as a fault.
  if (x509 === null) return [];
  if (x509.raw.includes(tlsFeature))
    warnings.push(
      'asks for an OCSP answer in every handshake (must-staple), and none is sent: browsers that look for it refuse it. Order it without',
    );
  const days = Math.floor((x509.validToDate.getTime() - now) / day);
  if (days < 0) warnings.push(`ended ${-days} days ago: see what renews it`);
  else if (days < daysToTell) warnings.push(`ends in ${days} days: see what renews it`);
  return warnings;
}
