/** The server's own names: declared by the operator, or learned from ordinary lines and reported as an assumption. */
import { isMalformed, parseAuthority } from '../wire/authority.ts';
import type { NameCounts } from './name-tally.ts';

/** A name learned from the log. */
export interface LearnedName {
  readonly name: string;
  /** How it was learned: `the Host of 1,204 requests`. */
  readonly from: string;
}

/** The set of own hosts. Subdomains count as own too: the log of `example.net` has requests for `mail.example.net`. */
export class OwnNames {
  readonly #names = new Set<string>();
  /** The operator has named the hosts, so none are assumed. */
  readonly declared: boolean;
  readonly learned: readonly LearnedName[];
  /** Ports served according to the config; null without a config. */
  readonly ports: ReadonlySet<number> | null;

  /**
   * @param names hosts from the operator; wildcards and ports allowed
   * @param learned used if `names` is empty
   */
  constructor(
    names: readonly string[],
    learned: readonly LearnedName[] = [],
    ports: ReadonlySet<number> | null = null,
  ) {
    this.declared = names.length > 0;
    this.learned = this.declared ? [] : learned;
    this.ports = ports;
    for (const name of this.declared ? names : learned.map((one) => one.name)) {
      const host = hostOf(name.replace(/^\*\./, ''));
      if (host !== null) this.#names.add(host);
    }
  }

  /** @param host canonical, as from `parseAuthority` */
  has(host: string): boolean {
    if (this.#names.has(host)) return true;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const parent = host.slice(dot + 1);
      if (this.#names.has(parent) && !/^\d+$/.test(parent)) return true;
    }
    return false;
  }

  get names(): readonly string[] {
    return [...this.#names];
  }
}

/** The canonical host of `name`, `name:port`, `[::1]:port`; null if invalid. */
export function hostOf(text: string): string | null {
  const authority = parseAuthority(text);
  return isMalformed(authority) ? null : authority.host;
}

/** Search engines, social networks and others: frequent referers, but never own names. */
const visitorsFrom =
  /(?:^|\.)(?:google|bing|yahoo|baidu|yandex|duckduckgo|ask|aol|naver|sogou|ecosia|qwant|facebook|instagram|twitter|t|linkedin|reddit|youtube|pinterest|github|githubusercontent|stackoverflow|wikipedia|ycombinator|slashdot|stumbleupon|feedly|translate|webcache)\.(?:[a-z]{2,6})(?:\.[a-z]{2})?$/;

const zero: Readonly<Required<NameCounts>> = { vhost: 0, host: 0, asset: 0, referer: 0, self: 0, mail: 0 };

/**
 * Own names found in the ordinary lines of a log: in the vhost column, in referers of images and scripts, in referers with
 * the requested path itself, and in the most frequent referer or Host.
 */
export function learnNames(tally: ReadonlyMap<string, NameCounts>): LearnedName[] {
  const hosts = new Map<string, Required<NameCounts>>();
  const totals = { ...zero };
  for (const [text, counts] of tally) {
    const host = hostOf(text);
    if (host === null) continue;
    const sum = hosts.get(host) ?? { ...zero };
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) {
      sum[key] += counts[key] ?? 0;
      totals[key] += counts[key] ?? 0;
    }
    hosts.set(host, sum);
  }
  const names: LearnedName[] = [];
  const count = (n: number): string => n.toLocaleString('en-US');
  for (const [name, seen] of hosts) {
    const address = /^\[|^\d+(?:\.\d+){3}$/.test(name);
    if (seen.vhost > 0) names.push({ name, from: 'it is in the vhost column' });
    else if (seen.mail > 0) names.push({ name, from: 'its mail is delivered to local mailboxes' });
    else if (visitorsFrom.test(name)) continue;
    else if (seen.asset >= 3 && seen.asset >= totals.asset / 20) {
      names.push({ name, from: `its pages load ${count(seen.asset)} images, styles and scripts from here` });
    } else if (seen.self >= (address ? 1 : 3)) {
      names.push({
        name,
        from: `${seen.self === 1 ? 'a referer has' : `${count(seen.self)} referers have`} it with the requested path`,
      });
    } else if (seen.referer >= 20 && seen.referer >= totals.referer / 5) {
      names.push({
        name,
        from: `the referer of about ${count(seen.referer)} requests`,
      });
    } else if (seen.host >= 5 && seen.host >= totals.host / 5) {
      names.push({ name, from: `the Host of ${count(seen.host)} requests` });
    }
  }
  return names;
}
