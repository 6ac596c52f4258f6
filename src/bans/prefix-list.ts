import { type PrefixKey, prefixKey, prefixKeyText, readPrefixKey } from '../address/prefix-key.ts';

/** Sorted, disjoint ranges of client prefixes: of whole IPv4 addresses and upper IPv6 halves. Plain numbers: 8 or 16 bytes a range. */
export interface PrefixRanges {
  /** First and last address of each. */
  readonly ipv4: { readonly first: Uint32Array; readonly last: Uint32Array };
  /** The upper 64 bits of the first and last address, each as two 32-bit numbers. */
  readonly ipv6: {
    readonly firstHigh: Uint32Array;
    readonly firstLow: Uint32Array;
    readonly lastHigh: Uint32Array;
    readonly lastLow: Uint32Array;
  };
}

/** Sorted prefixes, each once. Plain data: 5 or 9 bytes a prefix. */
export interface ListedPrefixes {
  readonly ipv4: { readonly address: Uint32Array; readonly length: Uint8Array };
  readonly ipv6: { readonly high: Uint32Array; readonly low: Uint32Array; readonly length: Uint8Array };
}

/** The prefixes of a list, and the ranges they cover. */
export interface PrefixColumns {
  readonly listed: ListedPrefixes;
  readonly ranges: PrefixRanges;
  readonly idle: IdleLines;
}

/** Lines left out because they ban nobody. */
export interface IdleLines {
  readonly count: number;
  /** The first one: its place, and why. */
  readonly first: string;
}

/**
 * An immutable list of prefixes, stored as columns of numbers. It passes from the reading thread to the program and on to each
 * worker as a few blocks of bytes: as text, a million prefixes take hundreds of megabytes in every process.
 */
export class PrefixList implements Iterable<string> {
  readonly #listed: ListedPrefixes;
  readonly ranges: PrefixRanges;
  readonly idle: IdleLines;

  constructor({ listed, ranges, idle }: PrefixColumns) {
    this.#listed = listed;
    this.ranges = ranges;
    this.idle = idle;
  }

  /** @param prefixes canonical ones, in any order */
  static of(prefixes: Iterable<string>): PrefixList {
    const builder = new PrefixListBuilder();
    const key = prefixKey();
    for (const prefix of prefixes) if (readPrefixKey(prefix, key)) builder.add(key);
    return new PrefixList(builder.finish());
  }

  /** How many prefixes it holds. */
  get size(): number {
    const { ipv4, ipv6 } = this.#listed;
    return ipv4.address.length + ipv6.high.length;
  }

  *[Symbol.iterator](): Generator<string> {
    const { ipv4, ipv6 } = this.#listed;
    for (const [at, high] of ipv4.address.entries())
      yield prefixKeyText({ family: 4, high, low: 0, length: ipv4.length[at]! });
    for (const [at, high] of ipv6.high.entries())
      yield prefixKeyText({ family: 6, high, low: ipv6.low[at]!, length: ipv6.length[at]! });
  }
}

/** Whether a client is in one of the ranges. A binary search: twenty comparisons among a million. */
export function inRanges({ ipv4, ipv6 }: PrefixRanges, { family, high, low, length }: PrefixKey): boolean {
  if (family === 4) {
    const at = lastAtMost(ipv4.first, high);
    return at !== -1 && high + span(32 - length) <= ipv4.last[at]!;
  }
  const at = lastPairAtMost(ipv6.firstHigh, ipv6.firstLow, high, low);
  if (at === -1) return false;
  const [endHigh, endLow] = endOf(high, low, length);
  const lastHigh = ipv6.lastHigh[at]!;
  return endHigh < lastHigh || (endHigh === lastHigh && endLow <= ipv6.lastLow[at]!);
}

/** The size of a range with this many free bits, less one. */
const span = (bits: number): number => 2 ** bits - 1;

/** The last address of an IPv6 prefix of at most 64 bits, in two halves. */
const endOf = (high: number, low: number, length: number): [number, number] =>
  length >= 32 ? [high, low + span(64 - length)] : [high + span(32 - length), span(32)];

function lastAtMost(sorted: Uint32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function lastPairAtMost(highs: Uint32Array, lows: Uint32Array, high: number, low: number): number {
  let [from, to] = [0, highs.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const one = highs[middle]!;
    if (one < high || (one === high && lows[middle]! <= low)) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

function rangesOf({ ipv4, ipv6 }: ListedPrefixes): PrefixRanges {
  const four = { first: new Uint32Array(ipv4.address.length), last: new Uint32Array(ipv4.address.length) };
  let count = 0;
  for (let at = 0; at < ipv4.address.length; at++) {
    const first = ipv4.address[at]!;
    // Sorted, and wider prefixes first: one that begins within the previous range also ends in it.
    if (count > 0 && first <= four.last[count - 1]!) continue;
    four.first[count] = first;
    four.last[count++] = first + span(32 - ipv4.length[at]!);
  }
  const most = ipv6.high.length;
  const six = {
    firstHigh: new Uint32Array(most),
    firstLow: new Uint32Array(most),
    lastHigh: new Uint32Array(most),
    lastLow: new Uint32Array(most),
  };
  let count6 = 0;
  for (let at = 0; at < most; at++) {
    const [high, low] = [ipv6.high[at]!, ipv6.low[at]!];
    const [endHigh, endLow] = count6 === 0 ? [-1, -1] : [six.lastHigh[count6 - 1]!, six.lastLow[count6 - 1]!];
    if (high < endHigh || (high === endHigh && low <= endLow)) continue;
    six.firstHigh[count6] = high;
    six.firstLow[count6] = low;
    const [lastHigh, lastLow] = endOf(high, low, ipv6.length[at]!);
    six.lastHigh[count6] = lastHigh;
    six.lastLow[count6++] = lastLow;
  }
  return {
    ipv4: { first: four.first.slice(0, count), last: four.last.slice(0, count) },
    ipv6: {
      firstHigh: six.firstHigh.slice(0, count6),
      firstLow: six.firstLow.slice(0, count6),
      lastHigh: six.lastHigh.slice(0, count6),
      lastLow: six.lastLow.slice(0, count6),
    },
  };
}

/** Collects prefixes in any order. */
export class PrefixListBuilder {
  /** IPv4: address and length in one number. */
  #ipv4 = new Float64Array(1024);
  #count4 = 0;
  /** IPv6: the two 32-bit numbers of the upper half, then the length. */
  #ipv6 = new Uint32Array(1024 * 3);
  #count6 = 0;
  #idle: IdleLines = { count: 0, first: '' };

  /** @param key of at most 64 bits */
  add({ family, high, low, length }: PrefixKey): void {
    if (family === 4) {
      if (this.#count4 === this.#ipv4.length) this.#ipv4 = grown(this.#ipv4, Float64Array);
      this.#ipv4[this.#count4++] = high * 64 + length;
      return;
    }
    const at = this.#count6++ * 3;
    if (at === this.#ipv6.length) this.#ipv6 = grown(this.#ipv6, Uint32Array);
    this.#ipv6[at] = high;
    this.#ipv6[at + 1] = low;
    this.#ipv6[at + 2] = length;
  }

  /** Counts a line that is left out. */
  skip(why: string): void {
    const { count, first } = this.#idle;
    this.#idle = { count: count + 1, first: count === 0 ? why : first };
  }

  finish(): PrefixColumns {
    const listed = { ipv4: this.#finishIpv4(), ipv6: this.#finishIpv6() };
    return { listed, ranges: rangesOf(listed), idle: this.#idle };
  }

  // Plain loops: `from` and `filter` on typed arrays allocate an object per number.
  #finishIpv4(): ListedPrefixes['ipv4'] {
    const sorted = this.#ipv4.subarray(0, this.#count4).sort();
    let count = 0;
    for (const value of sorted) if (count === 0 || value !== sorted[count - 1]) sorted[count++] = value;
    const [address, length] = [new Uint32Array(count), new Uint8Array(count)];
    for (let at = 0; at < count; at++) {
      address[at] = Math.floor(sorted[at]! / 64);
      length[at] = sorted[at]! % 64;
    }
    return { address, length };
  }

  #finishIpv6(): ListedPrefixes['ipv6'] {
    const rows = this.#ipv6;
    const order = new Uint32Array(this.#count6);
    for (let at = 0; at < order.length; at++) order[at] = at * 3;
    order.sort((a, b) => rows[a]! - rows[b]! || rows[a + 1]! - rows[b + 1]! || rows[a + 2]! - rows[b + 2]!);
    const same = (a: number, b: number): boolean =>
      rows[a] === rows[b] && rows[a + 1] === rows[b + 1] && rows[a + 2] === rows[b + 2];
    let count = 0;
    for (const row of order) if (count === 0 || !same(row, order[count - 1]!)) order[count++] = row;
    const [high, low, length] = [new Uint32Array(count), new Uint32Array(count), new Uint8Array(count)];
    for (let at = 0; at < count; at++) {
      const row = order[at]!;
      high[at] = rows[row]!;
      low[at] = rows[row + 1]!;
      length[at] = rows[row + 2]!;
    }
    return { high, low, length };
  }
}

function grown<T extends Float64Array | Uint32Array>(from: T, Kind: new (length: number) => T): T {
  const to = new Kind(from.length * 2);
  to.set(from);
  return to;
}

/** The ranges of an empty list. */
export const noRanges: PrefixRanges = PrefixList.of([]).ranges;
