/**
 * Packs many bans into one block of numbers, made once for all workers. A gateway that joins its fleet may receive three hundred
 * thousand bans at once: an object or message for each would take half a minute, and text three times as long as this format.
 */
import { type PrefixKey, prefixKey, readPrefixKey } from '../../address/prefix-key.ts';
import { type Ban, banMakers } from '../../bans/ban.ts';

/** Numbers per ban: two for the prefix; one for its length, family and maker; until; changed. */
const width = 5;

/** Packs the fields that a worker needs; the others stay with the primary. */
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

/** @param take gets each ban, in order; the key object is reused for the next one */
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
