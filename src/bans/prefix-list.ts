import { PrefixIndex } from '../address/prefix-index.ts';
import { type PrefixKey, prefixKey, readPrefixKey } from '../address/prefix-key.ts';
import { PrefixTrie } from '../address/prefix-trie.ts';
import { isWide } from './ban-prefix.ts';

/** A fixed list of prefixes: those of one client in an index, wider ones in a trie. */
export class PrefixList {
  readonly #clients = new PrefixIndex();
  readonly #wide = new PrefixTrie();

  /** @throws {RangeError} where the list is larger than memory should hold */
  constructor(prefixes: Iterable<string>) {
    const key = prefixKey();
    for (const prefix of prefixes) {
      if (isWide(prefix)) this.#wide.set(prefix, 0);
      else if (readPrefixKey(prefix, key)) this.#clients.set(key, 0);
    }
  }

  get size(): number {
    return this.#clients.size + this.#wide.size;
  }

  /** @param key of a client's prefix */
  covers(key: PrefixKey): boolean {
    if (this.#clients.size > 0 && this.#clients.get(key) !== -1) return true;
    return this.#wide.size > 0 && this.#wide.longestOf(key) !== -1;
  }
}
