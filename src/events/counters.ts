/**
 * What the request path counts: plain integers of one process, read when somebody asks. No client and no foreign host is
 * ever a key, so their number is that of our sites and backends.
 */
import type { Action } from '../rules/catalogue.ts';
import { Histogram, type HistogramSnapshot, sumHistograms } from './histogram.ts';

/** Plain data, so that a worker can send it. */
export interface CountersSnapshot {
  /** Requests judged, by site (empty: for none of ours) and verdict. */
  readonly requests: readonly { readonly site: string; readonly verdict: Action; readonly count: number }[];
  /** Time from bytes to verdict, of every sixteenth request. */
  readonly judge: HistogramSnapshot;
  /** Time from handing a request to a backend until the head of its response, by backend. */
  readonly backends: readonly { readonly backend: string; readonly latency: HistogramSnapshot }[];
  /** Requests that a backend failed, by the status sent for it. */
  readonly failures: readonly { readonly status: number; readonly count: number }[];
}

const judgeBounds = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 5e-4, 1e-3, 1e-2];
const backendBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Counters {
  readonly judge = new Histogram(judgeBounds);
  readonly #requests = new Map<string, Record<Action, number>>();
  readonly #backends = new Map<string, Histogram>();
  readonly #failures = new Map<number, number>();

  /** @param site its name; empty where the request is for none of ours */
  request(site: string, verdict: Action): void {
    let row = this.#requests.get(site);
    if (row === undefined) {
      row = { allow: 0, flag: 0, block: 0 };
      this.#requests.set(site, row);
    }
    row[verdict]++;
  }

  /** The histogram of a backend, to be kept by whoever observes. @param name from the config */
  backend(name: string): Histogram {
    let histogram = this.#backends.get(name);
    if (histogram === undefined) {
      histogram = new Histogram(backendBounds);
      this.#backends.set(name, histogram);
    }
    return histogram;
  }

  failure(status: number): void {
    this.#failures.set(status, (this.#failures.get(status) ?? 0) + 1);
  }

  snapshot(): CountersSnapshot {
    return {
      requests: [...this.#requests].flatMap(([site, row]) =>
        (Object.entries(row) as [Action, number][]).map(([verdict, count]) => ({ site, verdict, count })),
      ),
      judge: this.judge.snapshot(),
      backends: [...this.#backends].map(([backend, latency]) => ({ backend, latency: latency.snapshot() })),
      failures: [...this.#failures].map(([status, count]) => ({ status, count })),
    };
  }
}

/** The counts of several processes as one. */
export function sumCounters(parts: readonly CountersSnapshot[]): CountersSnapshot {
  const requests = new Map<string, { site: string; verdict: Action; count: number }>();
  const latencies = new Map<string, HistogramSnapshot[]>();
  const failures = new Map<number, number>();
  for (const part of parts) {
    for (const { site, verdict, count } of part.requests) {
      const key = `${verdict} ${site}`;
      requests.set(key, { site, verdict, count: count + (requests.get(key)?.count ?? 0) });
    }
    for (const { backend, latency } of part.backends) {
      latencies.set(backend, [...(latencies.get(backend) ?? []), latency]);
    }
    for (const { status, count } of part.failures) failures.set(status, count + (failures.get(status) ?? 0));
  }
  return {
    requests: [...requests.values()],
    judge: sumHistograms(parts.map(({ judge }) => judge)),
    backends: [...latencies].map(([backend, list]) => ({ backend, latency: sumHistograms(list) })),
    failures: [...failures].map(([status, count]) => ({ status, count })),
  };
}
