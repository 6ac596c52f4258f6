import { PrefixTrie } from '../address/prefix-trie.ts';
import { isWide } from './ban-prefix.ts';

/** A fixed list of prefixes: those of one client in a hash table, wider ones in a trie. */
export class PrefixList {
  readonly #clients = new Set<string>();
  readonly #wide = new PrefixTrie();

  /** @throws {RangeError} where the list is larger than memory should hold */
  constructor(prefixes: Iterable<string>) {
    for (const prefix of prefixes) {
      if (isWide(prefix)) this.#wide.set(prefix, 0);
      else this.#clients.add(prefix);
    }
  }

  get size(): number {
    return this.#clients.size + this.#wide.size;
  }

  /** @param prefix a client's */
  covers(prefix: string): boolean {
    return this.#clients.has(prefix) || this.#wide.longest(prefix) !== -1;
  }
}
