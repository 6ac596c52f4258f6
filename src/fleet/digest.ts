/**
 * Compares the bans of two gateways with a few kilobytes. Records are hashed into buckets by prefix, and each bucket has a
 * number that depends on every record in it: if the numbers agree, so do the records.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Ban } from '../bans/ban.ts';

const buckets = 256;
/** Records hashed before the event loop gets a turn. */
const atOnce = 5000;
/** Records that expire within this time are excluded, in milliseconds: one gateway may already have forgotten them. */
const margin = 600_000;

/** The records that a digest covers: those decided before `cut` that are remembered well beyond it. */
export interface DigestScope {
  /** Milliseconds since the epoch, by the clock of the fleet. */
  readonly cut: number;
  /** How long a ban is remembered after its end, in milliseconds. */
  readonly remember: number;
}

/** The bucket of a prefix. */
export const bucketOf = (prefix: string): number => hash(prefix) % buckets;

export const inScope = ({ changed, until }: Ban, { cut, remember }: DigestScope): boolean =>
  changed <= cut && until + remember > cut + margin;

/** A record's contribution to its bucket's number, combined by XOR: combining it twice removes it. */
export const markOf = ({ prefix, changed }: Pick<Ban, 'prefix' | 'changed'>): number =>
  hash(`${changed} ${prefix}`);

/** The number of every bucket. Yields to the event loop while it works. */
export async function digestOf(records: Iterable<Ban>, scope: DigestScope): Promise<number[]> {
  const sums = new Uint32Array(buckets);
  let seen = 0;
  for (const ban of records) {
    if (inScope(ban, scope)) sums[bucketOf(ban.prefix)]! ^= markOf(ban);
    if (++seen % atOnce === 0) await turn();
  }
  return [...sums];
}

/** FNV-1a with a final mix, because prefixes of one network differ only in their last characters. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}
