/** What the server is called: told by the operator, or learned from its ordinary lines and then told as an assumption. */
import { isMalformed, parseAuthority } from '../wire/authority.ts';
import type { NameCounts } from './name-tally.ts';

/** Where a name was learned. */
export interface LearnedName {
  readonly name: string;
  /** Half a sentence: `the Host of 1,204 requests`. */
  readonly from: string;
}

/** Finds own hosts. A host below an own name counts as own too: logs of `example.net` hold requests for `mail.example.net`. */
export class OwnNames {
  readonly #names = new Set<string>();
  /** The operator has named the hosts; nothing is assumed. */
  readonly told: boolean;
  readonly learned: readonly LearnedName[];
  /** Ports that the config serves; null where there is none to ask. */
  readonly ports: ReadonlySet<number> | null;

  /**
   * @param names hosts as an operator writes them, wildcards and ports allowed
   * @param learned used where `names` is empty
   */
  constructor(
    names: readonly string[],
    learned: readonly LearnedName[] = [],
    ports: ReadonlySet<number> | null = null,
  ) {
    this.told = names.length > 0;
    this.learned = this.told ? [] : learned;
    this.ports = ports;
    for (const name of this.told ? names : learned.map((one) => one.name)) {
      const host = hostOf(name.replace(/^\*\./, ''));
      if (host !== null) this.#names.add(host);
    }
  }

  /** @param host canonical, as `parseAuthority` gives it */
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

/** The canonical host of `name`, `name:port`, `[::1]:port`; null where it is none. */
export function hostOf(text: string): string | null {
  const authority = parseAuthority(text);
  return isMalformed(authority) ? null : authority.host;
}

/** Search engines, social networks, mail and chat: their pages send visitors, and are never ours. */
const visitorsFrom =
  /(?:^|\.)(?:google|bing|yahoo|baidu|yandex|duckduckgo|ask|aol|naver|sogou|ecosia|qwant|facebook|instagram|twitter|t|linkedin|reddit|youtube|pinterest|github|githubusercontent|stackoverflow|wikipedia|ycombinator|slashdot|stumbleupon|feedly|translate|webcache)\.(?:[a-z]{2,6})(?:\.[a-z]{2})?$/;

const zero: Readonly<Required<NameCounts>> = { vhost: 0, host: 0, asset: 0, referer: 0, self: 0, mail: 0 };

/**
 * The names that the ordinary lines of a log give away: the vhost column, pages that its images and scripts belong to,
 * referers that name the very path asked for, and the page that most visitors come from.
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
    if (seen.vhost > 0) names.push({ name, from: 'it stands in the vhost column' });
    else if (seen.mail > 0) names.push({ name, from: 'mail for it is put into mailboxes here' });
    else if (visitorsFrom.test(name)) continue;
    else if (seen.asset >= 3 && seen.asset >= totals.asset / 20) {
      names.push({ name, from: `its pages ask for ${count(seen.asset)} images, styles and scripts here` });
    } else if (seen.self >= (address ? 1 : 3)) {
      names.push({
        name,
        from: `${seen.self === 1 ? 'a referer names' : `${count(seen.self)} referers name`} it with the very path asked for`,
      });
    } else if (seen.referer >= 20 && seen.referer >= totals.referer / 5) {
      names.push({
        name,
        from: `referer of about ${count(seen.referer)} requests, more than from anywhere else`,
      });
    } else if (seen.host >= 5 && seen.host >= totals.host / 5) {
      names.push({ name, from: `the Host of ${count(seen.host)} requests` });
    }
  }
  return names;
}
