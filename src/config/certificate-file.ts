import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The first certificate in a PEM file, which may begin with a key; null if there is none, or the file can't be read. */
export function certificateInFile(file: string): X509Certificate | null {
  try {
    const text = readFileSync(file);
    return new X509Certificate(text.subarray(Math.max(0, text.indexOf('-----BEGIN CERTIFICATE'))));
  } catch {
    return null;
  }
}
