/** Checks an address database (MMDB) by the metadata at its end, without loading the reader. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export type GeoKind = 'country' | 'asn';

export interface GeoFileFault {
  readonly message: string;
  readonly fix: string;
}

/** The metadata follow this marker, within the last 128 KiB (a limit of the format). */
const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const tailLength = 128 * 1024;
/** Bytes of a file, which is held in memory; the largest free databases have about 100 MiB. */
const largest = 1024 ** 3;

const examples = { country: 'GeoLite2-Country or DB-IP Country Lite', asn: 'GeoLite2-ASN or DB-IP ASN Lite' };

/** @param path absolute @returns null if it looks like a database of this kind */
export function geoFileFault(path: string, kind: GeoKind): GeoFileFault | null {
  let tail: Buffer;
  try {
    tail = readTail(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? { message: 'does not exist', fix: `download ${examples[kind]} to this path` }
      : {
          message: `can't be read (${code ?? message})`,
          fix: 'give read permission to the user that runs the program',
        };
  }
  const at = tail.lastIndexOf(marker);
  if (at === -1)
    return {
      message: 'is not an MMDB file, or is truncated',
      fix: `download ${examples[kind]} again and unpack the .mmdb file`,
    };
  const type = databaseType(tail.subarray(at));
  const holds = { country: /country|city|enterprise|location/i.test(type), asn: /asn|isp/i.test(type) };
  const other = kind === 'country' ? 'asn' : 'country';
  return holds[kind] || !holds[other]
    ? null
    : {
        message: `has ${kind === 'country' ? 'networks, not countries' : 'countries, not networks'}: it is ${type}`,
        fix: `set ${examples[kind]} here, and this file in geo.${other}`,
      };
}

/** @throws Error if it can't be read, or is too large */
function readTail(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > largest) throw new Error('it is larger than 1 GiB');
    const tail = Buffer.alloc(Math.min(size, tailLength));
    return tail.subarray(0, readSync(file, tail, 0, tail.length, size - tail.length));
  } finally {
    closeSync(file);
  }
}

/** The value of `database_type`; empty if missing. A control byte of type 2 (string) holds a length up to 28; 29 means one more byte. */
function databaseType(metadata: Buffer): string {
  const name = 'database_type';
  const at = metadata.indexOf(name) + name.length;
  const control = metadata[at];
  if (at < name.length || control === undefined || control >> 5 !== 2) return '';
  const short = control & 31;
  return (
    short < 29
      ? metadata.subarray(at + 1, at + 1 + short)
      : metadata.subarray(at + 2, at + 2 + 29 + (metadata[at + 1] ?? 0))
  )
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, '?');
}
