import {
  counted,
  embeddedPrefix,
  type Ip,
  ipv4Number,
  type Prefix,
  parseIp,
  parsePrefix,
  unmapped,
  withoutZone,
} from './ip.ts';
import type { PrefixKey } from './prefix-key.ts';

/**
 * Prefixes compiled into sorted, disjoint ranges, one list per family. `contains` is a binary search: in a blocklist
 * of a hundred thousand lines it takes seventeen comparisons.
 */
export class PrefixSet {
  readonly #ipv4: Ranges<number>;
  readonly #ipv6: Ranges<bigint>;

  constructor(prefixes: Iterable<Prefix>) {
    const ipv4: [number, number][] = [];
    const ipv6: [bigint, bigint][] = [];
    for (const prefix of prefixes) {
      if (prefix.family === 4) {
        const first = number32(prefix);
        ipv4.push([first, first + 2 ** (32 - prefix.length) - 1]);
      } else {
        const first = number128(prefix);
        ipv6.push([first, first + (1n << BigInt(128 - prefix.length)) - 1n]);
      }
    }
    this.#ipv4 = new Ranges(ipv4);
    this.#ipv6 = new Ranges(ipv6);
  }

  /**
   * A set of clients. One that is written as 6to4, Teredo or NAT64 is in it by its IPv4 prefix too, as which it is counted. A prefix
   * that ends before the IPv4 address is not: it would stand for every IPv4 client.
   *
   * @param texts what `parsePrefix` reads
   */
  static ofClients(texts: readonly string[]): PrefixSet {
    return new PrefixSet(
      texts.flatMap((text) => {
        const prefix = parsePrefix(text)!;
        const embedded = embeddedPrefix(prefix)?.prefix;
        return embedded === undefined || embedded.length === 0 ? [prefix] : [prefix, embedded];
      }),
    );
  }

  /** The set has no prefixes. */
  get empty(): boolean {
    return this.#ipv4.empty && this.#ipv6.empty;
  }

  /**
   * Whether an address is in one of the prefixes; IPv4-mapped IPv6 is looked up as IPv4. False for text that is no
   * address: it must be neither trusted nor allow-listed.
   */
  contains(address: string): boolean {
    if (this.empty) return false;
    const number = ipv4Number(address);
    if (number !== -1) return this.#ipv4.holds(number);
    const ip = parseIp(withoutZone(address));
    if (ip === null) return false;
    const folded = unmapped(ip);
    return folded.family === 4 ? this.#ipv4.holds(number32(folded)) : this.#ipv6.holds(number128(folded));
  }

  /** Whether a client is in the set by its own address, or by the IPv4 address as which it is counted. */
  containsClient(address: string): boolean {
    if (this.contains(address)) return true;
    if (this.#ipv4.empty || !address.includes(':')) return false;
    const ip = parseIp(withoutZone(address));
    const client = ip === null ? null : counted(ip);
    return client !== null && client.family === 4 && this.#ipv4.holds(number32(client));
  }

  /** The share of a family's addresses that is in the set, 0 to 1. */
  share(family: 4 | 6): number {
    return family === 4 ? this.#ipv4.size / 2 ** 32 : this.#ipv6.size / 2 ** 128;
  }

  /** Whether any address of a prefix is in the set. */
  overlaps(prefix: Prefix): boolean {
    if (prefix.family === 4) {
      const first = number32(prefix);
      return this.#ipv4.touches(first, first + 2 ** (32 - prefix.length) - 1);
    }
    const first = number128(prefix);
    return this.#ipv6.touches(first, first + (1n << BigInt(128 - prefix.length)) - 1n);
  }

  /** Like `overlaps`, for a prefix of at most 64 bits that has been parsed already. */
  overlapsKey({ family, high, low, length }: PrefixKey): boolean {
    if (family === 4) return this.#ipv4.touches(high, high + 2 ** (32 - length) - 1);
    if (this.#ipv6.empty) return false;
    const first = (BigInt(high) << 96n) | (BigInt(low) << 64n);
    return this.#ipv6.touches(first, first + (1n << BigInt(128 - length)) - 1n);
  }

  /** Whether every address of a prefix is in the set. */
  covers(prefix: Prefix): boolean {
    if (prefix.family === 4) {
      const first = number32(prefix);
      return this.#ipv4.holds(first, first + 2 ** (32 - prefix.length) - 1);
    }
    const first = number128(prefix);
    return this.#ipv6.holds(first, first + (1n << BigInt(128 - prefix.length)) - 1n);
  }
}

const number32 = ({ bytes }: Ip): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
const number128 = ({ bytes }: Ip): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

class Ranges<N extends number | bigint> {
  readonly #first: N[] = [];
  readonly #last: N[] = [];

  constructor(ranges: [N, N][]) {
    ranges.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    for (const [first, last] of ranges) {
      const end = this.#last.at(-1);
      if (end === undefined || first > end) {
        this.#first.push(first);
        this.#last.push(last);
      } else if (last > end) {
        this.#last[this.#last.length - 1] = last;
      }
    }
  }

  get empty(): boolean {
    return this.#first.length === 0;
  }

  /** Approximate number of addresses. */
  get size(): number {
    return this.#first.reduce<number>(
      (sum, first, at) => sum + Number(this.#last[at]!) - Number(first) + 1,
      0,
    );
  }

  /** Whether one range holds all addresses from the first to the last. */
  holds(address: N, last: N = address): boolean {
    const at = this.#atOrBefore(address);
    return at !== -1 && last <= this.#last[at]!;
  }

  /** Whether a range holds any address from the first to the last. */
  touches(first: N, last: N): boolean {
    const at = this.#atOrBefore(last);
    return at !== -1 && first <= this.#last[at]!;
  }

  /** The last range that begins at the address or before it; -1 if none does. */
  #atOrBefore(address: N): number {
    let low = 0;
    let high = this.#first.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#first[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
