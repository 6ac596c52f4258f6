/**
 * Whether two gateways hold the same bans, told by a few kilobytes. Records are thrown into buckets by their prefix, and each
 * bucket has one number that depends on every record in it: where the numbers agree, so do the records.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Ban } from '../bans/ban.ts';

const buckets = 256;
/** Records between two turns of the event loop. */
const atOnce = 5000;
/** A record that is forgotten sooner than this after the digest may be forgotten here and not there; milliseconds. */
const margin = 600_000;

/** Which records a digest is of: those decided up to a moment, that live on for a while after it. */
export interface DigestScope {
  /** Milliseconds since the epoch, by the clock of the fleet. */
  readonly cut: number;
  /** How long a ban is remembered after its end, in milliseconds. */
  readonly remember: number;
}

/** Where a prefix belongs. */
export const bucketOf = (prefix: string): number => hash(prefix) % buckets;

export const inScope = ({ changed, until }: Ban, { cut, remember }: DigestScope): boolean =>
  changed <= cut && until + remember > cut + margin;

/** What one record adds to the number of its bucket; adding it twice takes it out. */
export const markOf = ({ prefix, changed }: Pick<Ban, 'prefix' | 'changed'>): number =>
  hash(`${changed} ${prefix}`);

/** The number of every bucket. Lets other work go on meanwhile. */
export async function digestOf(records: Iterable<Ban>, scope: DigestScope): Promise<number[]> {
  const sums = new Uint32Array(buckets);
  let seen = 0;
  for (const ban of records) {
    if (inScope(ban, scope)) sums[bucketOf(ban.prefix)]! ^= markOf(ban);
    if (++seen % atOnce === 0) await turn();
  }
  return [...sums];
}

/** FNV-1a, and a last stir: prefixes of one network differ in a few characters at the end. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}
