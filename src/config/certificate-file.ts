import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';

/** A certificate file of the config. */
export interface NamedFile {
  /** The setting that names it first: `listen[0].tls`. */
  readonly place: string;
  readonly file: string;
  /** It is ordered by ACME. */
  readonly ordered: boolean;
}

/** Every certificate file that a config names, once. */
export function certificateFiles({ listen, admin, smtp }: Config): NamedFile[] {
  const places = [
    ...listen.map(({ tls }, index) => [`listen[${index}].tls`, tls] as const),
    ['admin.tls', admin === false ? null : admin.tls] as const,
    ['smtp.tls', smtp === false ? null : smtp.tls] as const,
  ];
  const found = new Map<string, NamedFile>();
  for (const [place, tls] of places)
    for (const { cert, ordered } of tls ?? [])
      if (!found.has(cert)) found.set(cert, { place, file: cert, ordered: ordered === true });
  return [...found.values()];
}

/** The first certificate in a PEM file, which may begin with a key; null if there is none, or the file can't be read. */
export function certificateInFile(file: string): X509Certificate | null {
  try {
    const text = readFileSync(file);
    return new X509Certificate(text.subarray(Math.max(0, text.indexOf('-----BEGIN CERTIFICATE'))));
  } catch {
    return null;
  }
}
