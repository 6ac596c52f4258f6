/** Writes the live bans in the syntax of other firewalls. */
import { parsePrefix } from '../address/ip.ts';
import { type PrefixKey, prefixKey, prefixKeyText, readPrefixKey } from '../address/prefix-key.ts';
import { PrefixSet } from '../address/prefix-set.ts';
import { PrefixTrie } from '../address/prefix-trie.ts';
import { type Ban, forever } from './ban.ts';
import { isWide } from './ban-prefix.ts';

export const exportFormats = ['plain', 'nftables', 'nginx', 'haproxy'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/**
 * - `plain`: one prefix per line;
 * - `nftables`: input for `nft -f`: table `inet sekisho` with the sets `banned4` and `banned6`, to be matched by a rule such
 *   as `ip saddr @banned4 drop`; each element times out when its ban ends;
 * - `nginx`: `deny` lines to `include`;
 * - `haproxy`: a map from prefix to reason, for `map_ip`.
 *
 * Another firewall knows no allow-list, so exempt addresses are left out, also those within a banned network. Of IPv6, the whole /64 of
 * an exempt address is left out: the gateway itself still refuses its neighbours.
 *
 * @param listed prefixes from imported lists, which have no end
 * @param exempt the allow-list and the trusted proxies @default none
 */
export function exportBans(
  format: ExportFormat,
  bans: Iterable<Ban>,
  listed: Iterable<string>,
  now: number,
  exempt: PrefixSet = new PrefixSet([]),
): string {
  const entries = new Map<string, Entry>();
  const key = prefixKey();
  const add = (whole: string, entry: Entry): void => {
    const parts = readPrefixKey(whole, key) && exempt.overlapsKey(key) ? partsWithout(exempt, key) : [whole];
    for (const prefix of parts)
      if ((entries.get(prefix)?.until ?? 0) < entry.until) entries.set(prefix, entry);
  };
  for (const prefix of listed) add(prefix, { until: forever, reason: 'imported list' });
  for (const { prefix, until, reason } of bans) add(prefix, { until, reason });
  switch (format) {
    case 'plain':
      return lines([...entries.keys()]);
    case 'nginx':
      return lines([...entries.keys()].map((prefix) => `deny ${prefix};`));
    case 'haproxy':
      return lines([...entries].map(([prefix, { reason }]) => `${prefix} ${word(reason)}`));
    case 'nftables':
      return nftables(entries, now);
  }
}

interface Entry {
  readonly until: number;
  readonly reason: string;
}

/** The parts of a prefix in which no address is exempt: for each exempt prefix in it, at most one per bit. */
function* partsWithout(exempt: PrefixSet, key: PrefixKey): Generator<string> {
  const text = prefixKeyText(key);
  if (!exempt.overlapsKey(key)) {
    yield text;
    return;
  }
  const { family, high, low } = key;
  const length = key.length + 1;
  if (exempt.covers(parsePrefix(text)!) || length > 64) return;
  yield* partsWithout(exempt, { family, high, low, length });
  const bit = 2 ** ((64 - length) % 32);
  const upper = length <= 32 ? { high: high + bit, low } : { high, low: low + bit };
  yield* partsWithout(exempt, { family, ...upper, length });
}

const lines = (text: readonly string[]): string => text.map((line) => `${line}\n`).join('');

/** As one word: a value in a HAProxy map ends at the first blank. */
const word = (reason: string): string => reason.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60) || 'banned';

/**
 * `auto-merge`, because set intervals must not overlap and a ban may lie within a wider one. Bans that a wider one outlasts
 * are omitted. The `flush` before filling makes the file one transaction that replaces the old elements.
 */
function nftables(entries: ReadonlyMap<string, Entry>, now: number): string {
  const set = (name: string, type: string, mine: (prefix: string) => boolean): string => {
    const elements = withoutCovered(entries)
      .filter(([prefix]) => mine(prefix))
      .map(([prefix, { until }]) =>
        until === forever ? prefix : `${prefix} timeout ${seconds(until - now)}s`,
      );
    const head = `add set inet sekisho ${name} { type ${type}; flags interval, timeout; auto-merge; }\nflush set inet sekisho ${name}\n`;
    return elements.length === 0
      ? head
      : `${head}add element inet sekisho ${name} {\n\t${elements.join(',\n\t')}\n}\n`;
  };
  return [
    'add table inet sekisho\n',
    set('banned4', 'ipv4_addr', (prefix) => !prefix.includes(':')),
    set('banned6', 'ipv6_addr', (prefix) => prefix.includes(':')),
  ].join('');
}

function withoutCovered(entries: ReadonlyMap<string, Entry>): [string, Entry][] {
  const wide = new PrefixTrie();
  const ends: number[] = [];
  for (const [prefix, { until }] of entries) {
    if (isWide(prefix)) wide.set(prefix, ends.push(until) - 1);
  }
  return [...entries].filter(([prefix, { until }]) => {
    // Count the wide prefixes that cover this one and last at least as long. A wide prefix covers itself.
    let covers = 0;
    wide.longest(prefix, (index) => {
      if (ends[index]! >= until) covers++;
      return false;
    });
    return covers <= Number(isWide(prefix));
  });
}

/** Rounded up to at least one second: nftables takes a timeout of 0 as no timeout. */
const seconds = (milliseconds: number): number => Math.max(1, Math.ceil(milliseconds / 1000));
