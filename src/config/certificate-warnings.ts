/** Warnings about certificate files: must-staple without what stapling needs, and an end that is near or past. */
import { readFileSync } from 'node:fs';
import { demandsStaple, stapleFault } from '../ocsp/must-staple.ts';
import { certificateFiles, certificateInFile } from './certificate-file.ts';
import type { Config } from './config.ts';

const day = 86_400_000;
/** A certificate with fewer days left should have been renewed. */
const renewedBy = 14;

/** One line per warning, with the place and the fix. @param now milliseconds since the epoch */
export function certificateWarnings(config: Config, now = Date.now()): string[] {
  return certificateFiles(config).flatMap(({ place, file, ordered }) =>
    ordered ? [] : warningsAbout(file, now).map((text) => `${place}: ${file} ${text}`),
  );
}

function warningsAbout(file: string, now: number): string[] {
  const warnings: string[] = [];
  const x509 = certificateInFile(file);
  // `file-checks.ts` reports this as a fault.
  if (x509 === null) return [];
  const fault = demandsStaple(x509) ? stapleFault(readFileSync(file), x509) : null;
  if (fault !== null)
    warnings.push(
      `demands an OCSP response in every handshake (must-staple), and none can be sent, so browsers that check it refuse the certificate: ${fault}`,
    );
  const days = Math.floor((x509.validToDate.getTime() - now) / day);
  if (days < 0) warnings.push(`expired ${-days} days ago: check what renews it`);
  else if (days < renewedBy) warnings.push(`expires in ${days} days: check what renews it`);
  return warnings;
}
