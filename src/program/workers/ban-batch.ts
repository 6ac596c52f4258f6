/**
 * Bans on their way to the workers: many in one block of numbers, made once for all workers. Three hundred thousand come at once where
 * a gateway joins its fleet: an object or a message for each would take half a minute, and text that each worker reads three times as
 * long as this.
 */
import { type PrefixKey, prefixKey, readPrefixKey } from '../../address/prefix-key.ts';
import { type Ban, banMakers } from '../../bans/ban.ts';

/** Numbers a ban: the two halves of the prefix; its length, family and maker; until; changed. */
const width = 5;

/** What a worker needs of them; the rest is the primary's affair. */
export function packBans(bans: readonly Ban[]): Float64Array {
  const key = prefixKey();
  const numbers = new Float64Array(bans.length * width);
  for (const [index, { prefix, until, changed, by }] of bans.entries()) {
    readPrefixKey(prefix, key);
    const kind = key.length + (key.family === 6 ? 128 : 0) + banMakers.indexOf(by) * 256;
    numbers.set([key.high, key.low, kind, until, changed], index * width);
  }
  return numbers;
}

/** @param take gets each, in order; the key is used again for the next one */
export function unpackBans(
  numbers: Float64Array,
  take: (key: PrefixKey, ban: Omit<Ban, 'prefix'>) => void,
): void {
  const key = prefixKey();
  for (let at = 0; at < numbers.length; at += width) {
    const kind = numbers[at + 2]!;
    key.high = numbers[at]!;
    key.low = numbers[at + 1]!;
    key.length = kind & 127;
    key.family = (kind & 128) === 0 ? 4 : 6;
    take(key, {
      until: numbers[at + 3]!,
      changed: numbers[at + 4]!,
      by: banMakers[kind >> 8]!,
      since: 0,
      level: 1,
      reason: '',
    });
  }
}
