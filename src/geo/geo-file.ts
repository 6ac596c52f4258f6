/** What can be told of a database of addresses (MMDB) by a glance at its end, without a reader. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export type GeoKind = 'country' | 'asn';

export interface GeoFileFault {
  readonly message: string;
  readonly fix: string;
}

/** The metadata begin behind this, within the last 128 KiB: the format's own bound. */
const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const tailLength = 128 * 1024;
/** Octets of a file, which is held in memory; the largest free ones have some 100 MiB. */
const largest = 1024 ** 3;

const examples = { country: 'GeoLite2-Country or DB-IP Country Lite', asn: 'GeoLite2-ASN or DB-IP ASN Lite' };

/** @param path absolute @returns null: it looks like a database of this kind */
export function geoFileFault(path: string, kind: GeoKind): GeoFileFault | null {
  let tail: Buffer;
  try {
    tail = readTail(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? { message: 'is missing: there is no such file', fix: `download ${examples[kind]} to it` }
      : { message: `can't be read (${code ?? message})`, fix: 'let the user that runs the program read it' };
  }
  const at = tail.lastIndexOf(marker);
  if (at === -1)
    return {
      message: 'is no MMDB file, or cut short',
      fix: `download ${examples[kind]} anew, unpacked, with the ending .mmdb`,
    };
  const type = databaseType(tail.subarray(at));
  const holds = { country: /country|city|enterprise|location/i.test(type), asn: /asn|isp/i.test(type) };
  const other = kind === 'country' ? 'asn' : 'country';
  return holds[kind] || !holds[other]
    ? null
    : {
        message: `holds ${kind === 'country' ? 'networks' : 'countries'}: it is ${type}`,
        fix: `name ${examples[kind]} here, and this file at geo.${other}`,
      };
}

/** @throws Error where it can't be read, or is too large */
function readTail(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size > largest) throw new Error('it has more than 1 GiB');
    const tail = Buffer.alloc(Math.min(size, tailLength));
    return tail.subarray(0, readSync(file, tail, 0, tail.length, size - tail.length));
  } finally {
    closeSync(file);
  }
}

/** The text behind its name; empty where there is none. A control octet of type 2 gives the length, up to 28 by itself. */
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
