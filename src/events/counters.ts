/**
 * Counters of the request path: plain integers, per process. Keys are our sites and backends, never clients or foreign hosts, so
 * a flood cannot grow the tables.
 */
import type { Action } from '../rules/catalogue.ts';
import { Histogram, type HistogramSnapshot, sumHistograms } from './histogram.ts';

/** Plain data: workers send it to the main process. */
export interface CountersSnapshot {
  /** Requests judged, by site (empty: none of ours) and verdict. */
  readonly requests: readonly { readonly site: string; readonly verdict: Action; readonly count: number }[];
  /** Time from bytes to verdict, for every sixteenth request. */
  readonly judge: HistogramSnapshot;
  /** Time from sending a request to the head of its response, by backend. */
  readonly backends: readonly { readonly backend: string; readonly latency: HistogramSnapshot }[];
  /** Requests that failed at a backend, by the status sent to the client. */
  readonly failures: readonly { readonly status: number; readonly count: number }[];
}

const judgeBounds = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 5e-4, 1e-3, 1e-2];
const backendBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Counters {
  readonly judge = new Histogram(judgeBounds);
  readonly #requests = new Map<string, Record<Action, number>>();
  readonly #backends = new Map<string, Histogram>();
  readonly #failures = new Map<number, number>();

  /** @param site its name; empty if the request is for none of ours */
  request(site: string, verdict: Action): void {
    let row = this.#requests.get(site);
    if (row === undefined) {
      row = { allow: 0, flag: 0, block: 0 };
      this.#requests.set(site, row);
    }
    row[verdict]++;
  }

  /** The histogram of a backend; callers keep the reference. @param name from the config */
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

/** Adds up the counts of several processes. */
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
