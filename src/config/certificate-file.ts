import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The first certificate in a PEM file, a key may stand before it; null: there is none, or it can't be read. */
export function certificateInFile(file: string): X509Certificate | null {
  try {
    const text = readFileSync(file);
    return new X509Certificate(text.subarray(Math.max(0, text.indexOf('-----BEGIN CERTIFICATE'))));
  } catch {
    return null;
  }
}
