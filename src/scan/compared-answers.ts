/** Compares the successful answers to all probes of a log: the server's own page has the same size for every host asked for. */
import type { Probe } from './probe.ts';

/** Most hosts and sizes remembered: the log of an open proxy has endless ones, but the first are enough. */
const limit = 20_000;

export interface Spread {
  /** Distinct targets. */
  readonly targets: number;
  /** Distinct sizes, too far apart to be one page. */
  readonly sizes: number;
  /** The largest is at least three times the smallest. */
  readonly wide: boolean;
}

interface Unmatched {
  readonly targets: Set<string>;
  readonly sizes: Set<number>;
}

export class ComparedAnswers {
  readonly #hosts = new Map<string, Set<string>>();
  /** Like `#hosts`, for any path. */
  readonly #anyPath = new Map<string, Set<string>>();
  readonly #unmatched: Record<Kind, Unmatched> = {
    connect: { targets: new Set(), sizes: new Set() },
    absolute: { targets: new Set(), sizes: new Set() },
  };
  readonly #spread = new Map<Kind, Spread>();

  /** @param isOwnPage the answer is already known to be an own page */
  add(probe: Probe, isOwnPage: boolean): void {
    const { status, bytes, relay } = probe.candidate.entry;
    if (status === null || status < 200 || status >= 400 || bytes === null || bytes === 0 || relay !== null)
      return;
    if (!(probe.technique.startsWith('connect') || probe.technique.startsWith('absolute'))) return;
    addHost(this.#hosts, answerKey(probe), probe.wanted.host);
    addHost(this.#anyPath, sizeKey(probe), probe.wanted.host);
    if (isOwnPage || status >= 300 || probe.method.toUpperCase() === 'HEAD') return;
    const { targets, sizes } = this.#unmatched[kindOf(probe)];
    if (targets.size < limit)
      targets.add(`${probe.wanted.host}:${probe.wanted.port} ${probe.wanted.path.slice(0, 100)}`);
    if (sizes.size < limit) sizes.add(bytes);
    this.#spread.clear();
  }

  /** Unrelated hosts with the same answer for the same path. */
  hostsWithAnswer(probe: Probe): number {
    return this.#hosts.get(answerKey(probe))?.size ?? 0;
  }

  /** Unrelated hosts with an answer of this size, for any path. */
  hostsWithSize(probe: Probe): number {
    return this.#anyPath.get(sizeKey(probe))?.size ?? 0;
  }

  /** How much the answers that are not own pages differ. */
  unmatched(kind: Kind): Spread {
    let spread = this.#spread.get(kind);
    if (spread === undefined) {
      const { targets, sizes } = this.#unmatched[kind];
      const list = [...sizes].sort((a, b) => a - b);
      const wide = list.length > 1 && list.at(-1)! >= 3 * list[0]!;
      spread = { targets: targets.size, sizes: distinctSizes(list), wide };
      this.#spread.set(kind, spread);
    }
    return spread;
  }
}

type Kind = 'connect' | 'absolute';

const kindOf = (probe: Probe): Kind => (probe.technique.startsWith('connect') ? 'connect' : 'absolute');

/** Includes the path: across paths, equal sizes prove little, such as tracking pixels of 43 bytes. */
const answerKey = (probe: Probe): string =>
  `${kindOf(probe)} ${probe.candidate.entry.status} ${probe.candidate.entry.bytes} ${probe.wanted.path.slice(0, 200)}`;

const sizeKey = (probe: Probe): string =>
  `${kindOf(probe)} ${probe.candidate.entry.status} ${probe.candidate.entry.bytes}`;

function addHost(map: Map<string, Set<string>>, key: string, host: string): void {
  const hosts = map.get(key);
  if (hosts !== undefined) {
    if (hosts.size < 10) hosts.add(siteOf(host));
  } else if (map.size < limit) map.set(key, new Set([siteOf(host)]));
}

/** The site of a host, approximately: the last two labels of a name, an address, or `localhost`. */
export function siteOf(host: string): string {
  if (host === 'localhost' || host.startsWith('127.') || host === '[::1]') return 'localhost';
  return /^[\d.[]/.test(host) ? host : host.split('.').slice(-2).join('.');
}

/** Number of sizes; sizes within 64 bytes of each other count once. @param sorted ascending */
function distinctSizes(sorted: readonly number[]): number {
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (const size of sorted) {
    if (size - last > 64) {
      count++;
      last = size;
    }
  }
  return count;
}
