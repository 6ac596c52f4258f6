import { destinationHost } from '../events/destination-host.ts';
import type { FoldedEvent } from '../events/fold.ts';
import { printable } from '../events/redact.ts';
import { type OriginOf, originText } from '../geo/origin.ts';
import type { Action } from '../rules/catalogue.ts';
import type { AlertWords } from '../words/alerts-en.ts';
import { defanged } from './message.ts';

/** Keys per table; no eviction: further keys are counted as `others`. */
const keysInTable = 500;

/** The fields of an event that a tally uses. */
export type Counted = Pick<
  FoldedEvent,
  'rule' | 'prefix' | 'intent' | 'destination' | 'action' | 'count' | 'last'
>;

/** Counts of an attack by rule, source, intent and destination. */
export class Tally {
  readonly start: number;
  readonly #originOf: OriginOf;
  #end: number;
  #total = 0;
  readonly #actions: Record<Action, number> = { allow: 0, flag: 0, block: 0 };
  readonly #tables = {
    rules: new Map<string, number>(),
    sources: new Map<string, number>(),
    intents: new Map<string, number>(),
    destinations: new Map<string, number>(),
  };

  constructor(start: number, originOf: OriginOf) {
    this.start = start;
    this.#originOf = originOf;
    this.#end = start;
  }

  get total(): number {
    return this.#total;
  }

  add({ rule, prefix, intent, destination, action, count, last }: Counted): void {
    this.#total += count;
    this.#end = Math.max(this.#end, last);
    this.#actions[action] += count;
    const { rules, sources, intents, destinations } = this.#tables;
    increase(rules, rule, count);
    increase(sources, prefix, count);
    increase(intents, intent, count);
    if (destination !== null) increase(destinations, destinationHost(destination), count);
  }

  /** For people. */
  lines(language: AlertWords): string[] {
    const { lines: words, spell, rule, intent } = language;
    const { block, flag } = this.#actions;
    const fate = flag === 0 ? words.allBlocked : words.fates(block, flag);
    const { rules, sources, intents, destinations } = this.#tables;
    const top = (table: ReadonlyMap<string, number>, limit: number, shown: (name: string) => string) =>
      topText(table, limit, shown, language);
    return [
      words.total(this.#total, spell(this.#end - this.start), fate),
      words.rules(top(rules, 5, rule)),
      words.from(
        sources.size,
        top(sources, 5, (prefix) => from(prefix, this.#originOf)),
      ),
      words.intents(top(intents, 4, intent)),
      ...(destinations.size > 0 ? [words.destinations(top(destinations, 4, defanged))] : []),
    ];
  }

  /** For machines. */
  facts(): Record<string, unknown> {
    const list = (table: ReadonlyMap<string, number>) =>
      sorted(table)
        .slice(0, 20)
        .map(([name, count]) => ({ name, count }));
    const { rules, sources, intents, destinations } = this.#tables;
    return {
      start: new Date(this.start).toISOString(),
      end: new Date(this.#end).toISOString(),
      probes: this.#total,
      blocked: this.#actions.block,
      flagged: this.#actions.flag,
      rules: list(rules),
      sources: list(sources).map((source) => ({ ...source, ...this.#originOf(addressOf(source.name)) })),
      intents: list(intents),
      destinations: list(destinations),
    };
  }
}

const addressOf = (prefix: string): string => prefix.split('/', 1)[0]!;

/** `198.51.100.7 [AS64500 Example Net, DE]`; only the source if its origin is unknown. A /32 is shown as the address. */
export function from(prefix: string, originOf: OriginOf): string {
  const origin = originText(originOf(addressOf(prefix)));
  const source = prefix.replace(/\/32$/, '');
  return origin === '' ? source : `${source} [${printable(origin)}]`;
}

function increase(table: Map<string, number>, key: string, count: number): void {
  const counted = table.has(key) || table.size < keysInTable ? key : 'others';
  table.set(counted, (table.get(counted) ?? 0) + count);
}

const sorted = (table: ReadonlyMap<string, number>): [string, number][] =>
  [...table].sort((a, b) => b[1] - a[1]);

function topText(
  table: ReadonlyMap<string, number>,
  limit: number,
  shown: (name: string) => string,
  { count: counted, separator, more }: AlertWords,
): string {
  const named = sorted(table)
    .slice(0, limit)
    .map(([name, count]) => counted(shown(name), count));
  const rest = table.size - named.length;
  return [...named, ...(rest > 0 ? [more(rest)] : [])].join(separator);
}
