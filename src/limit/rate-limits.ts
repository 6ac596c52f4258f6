import type { PrefixSet } from '../address/prefix-set.ts';
import type { Judged } from '../guard/checkpoint.ts';
import type { Client } from '../guard/client.ts';
import { overLimit, type Verdict } from '../judge.ts';
import type { Site } from '../rules/policy.ts';
import { RateTable } from './rate-table.ts';

export interface RateLimitBounds {
  /** Requests per client in a window. */
  readonly max: number;
  /** Length of the window, in milliseconds. */
  readonly timeWindow: number;
}

export interface RateLimitRules {
  /** For all sites without their own limit; `false`: none. */
  readonly limit: RateLimitBounds | false;
  /** Sites with their own limit, counted separately; `false`: unlimited. @default none */
  readonly sites?: ReadonlyMap<Site, RateLimitBounds | false>;
  /** Addresses that are not limited, besides the allow-list of bans. */
  readonly exempt: PrefixSet;
}

/** The answer to a client over its limit. */
export interface Excess {
  readonly verdict: Verdict;
  /** name, value, name, value … */
  readonly headers: readonly string[];
}

/** The rate limits in force, and their counts. */
export class RateLimits {
  readonly #clock: () => number;
  #everywhere: RateTable | false = false;
  #own = new Map<Site, RateTable | false>();
  #exempt: PrefixSet;
  /** Whether a client is exempt, looked up once per connection. */
  #known = new WeakMap<Client, boolean>();

  /** @param clock milliseconds, of a clock that can't be set: `WindowClock` */
  constructor(rules: RateLimitRules, clock: () => number) {
    this.#clock = clock;
    this.#exempt = rules.exempt;
    this.replace(rules);
  }

  /** Puts other limits in force; an unchanged limit keeps its counts. */
  replace({ limit, sites = new Map(), exempt }: RateLimitRules): void {
    const before = new Map(
      this.tables.map((table) => [`${table.name} ${table.max} ${table.timeWindow}`, table]),
    );
    const table = (name: string, { max, timeWindow }: RateLimitBounds): RateTable =>
      before.get(`${name} ${max} ${timeWindow}`) ?? new RateTable({ name, max, timeWindow });
    this.#everywhere = limit && table('all', limit);
    this.#own = new Map(
      [...sites].map(([site, bounds]) => [site, bounds && table(`site:${site.name}`, bounds)]),
    );
    this.#exempt = exempt;
    this.#known = new WeakMap();
  }

  get tables(): readonly RateTable[] {
    return [this.#everywhere, ...this.#own.values()].filter((table) => table !== false);
  }

  /** The table that counts a request; null: not counted. */
  tableFor({ verdict, client }: Judged): RateTable | null {
    const table = this.#own.get(verdict.site!) ?? this.#everywhere;
    return table === false || this.#isExempt(client) ? null : table;
  }

  /** Counts a request. @returns the answer, where it is over the limit */
  hit(judged: Judged): Excess | null {
    const table = this.tableFor(judged);
    const now = this.#clock();
    if (table === null || table.hit(judged.client.prefix, now) <= table.max) return null;
    return this.excess(judged, table);
  }

  /** The answer to a request over the limit of a table. */
  excess({ verdict }: Judged, table: RateTable): Excess {
    const { max } = table;
    const left = table.left(this.#clock());
    const seconds = String(Math.ceil(left / 1000));
    const headers = ['Retry-After', seconds, 'RateLimit-Limit', String(max)];
    headers.push('RateLimit-Remaining', '0', 'RateLimit-Reset', seconds);
    return { verdict: overLimit(verdict.site!, max), headers };
  }

  #isExempt(client: Client): boolean {
    if (client.allowed || this.#exempt.empty) return client.allowed;
    let is = this.#known.get(client);
    if (is === undefined) {
      is = this.#exempt.containsClient(client.address);
      this.#known.set(client, is);
    }
    return is;
  }
}
