import { type PrefixKey, prefixKey, readPrefixKey } from './prefix-key.ts';

/** Maximum of nodes: 12 bytes each, so at most 400 MB; a million /24 take a tenth of it. */
const mostNodes = 2 ** 25;

/**
 * A map from prefixes of any length to numbers, with longest-prefix match. A binary trie in two typed arrays: a look-up walks at
 * most 32 nodes (IPv4) or 64 (IPv6), however many prefixes there are, and allocates nothing.
 */
export class PrefixTrie {
  /** Two per node: the children for bit 0 and bit 1; 0: none. Node 1 is the root of IPv4, node 2 of IPv6. */
  #children = new Uint32Array(128);
  /** The number of the prefix that ends at a node; -1 if none does. */
  #values = new Int32Array(64).fill(-1);
  #nodes = 3;
  #size = 0;
  readonly #key: PrefixKey = prefixKey();

  /** Number of prefixes. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param prefix canonical; an IPv6 prefix longer than 64 bits is stored as its /64
   * @param value 0 or more
   * @throws {RangeError} if the trie would exceed its bound
   */
  set(prefix: string, value: number): void {
    const key = this.#read(prefix);
    const length = Math.min(key.length, key.family === 4 ? 32 : 64);
    let node = key.family === 4 ? 1 : 2;
    for (let depth = 0; depth < length; depth++) {
      const way = node * 2 + bit(key, depth);
      let next = this.#children[way]!;
      if (next === 0) {
        next = this.#node();
        this.#children[way] = next;
      }
      node = next;
    }
    if (this.#values[node] === -1) this.#size++;
    this.#values[node] = value;
  }

  /** Removes a prefix. Its nodes are kept for reuse, so memory does not shrink. */
  delete(prefix: string): void {
    const key = this.#read(prefix);
    const length = Math.min(key.length, key.family === 4 ? 32 : 64);
    let node = key.family === 4 ? 1 : 2;
    for (let depth = 0; depth < length && node !== 0; depth++)
      node = this.#children[node * 2 + bit(key, depth)]!;
    if (node === 0 || this.#values[node] === -1) return;
    this.#values[node] = -1;
    this.#size--;
  }

  /**
   * The number of the longest prefix that covers a client and that `accept` accepts; -1 if there is none.
   *
   * @param prefix canonical, as `clientPrefix` writes it; any other text gives -1
   */
  longest(prefix: string, accept?: (value: number) => boolean): number {
    return this.#size > 0 && readPrefixKey(prefix, this.#key) ? this.longestOf(this.#key, accept) : -1;
  }

  /** The same for a prefix that has been read already. */
  longestOf(key: PrefixKey, accept?: (value: number) => boolean): number {
    const length = Math.min(key.length, key.family === 4 ? 32 : 64);
    let node = key.family === 4 ? 1 : 2;
    let found = -1;
    for (let depth = 0; ; depth++) {
      const value = this.#values[node]!;
      if (value !== -1 && (accept === undefined || accept(value))) found = value;
      if (depth === length) return found;
      node = this.#children[node * 2 + bit(key, depth)]!;
      if (node === 0) return found;
    }
  }

  #read(prefix: string): PrefixKey {
    if (!readPrefixKey(prefix, this.#key)) throw new TypeError(`${prefix} is no canonical prefix`);
    return this.#key;
  }

  #node(): number {
    if (this.#nodes >= mostNodes) throw new RangeError('more prefixes than fit into memory');
    if (this.#nodes === this.#values.length) {
      const values = new Int32Array(this.#nodes * 2).fill(-1, this.#nodes);
      values.set(this.#values);
      const children = new Uint32Array(this.#nodes * 4);
      children.set(this.#children);
      this.#values = values;
      this.#children = children;
    }
    return this.#nodes++;
  }
}

const bit = ({ high, low }: PrefixKey, depth: number): number =>
  depth < 32 ? (high >>> (31 - depth)) & 1 : (low >>> (63 - depth)) & 1;
