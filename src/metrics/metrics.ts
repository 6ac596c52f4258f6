/**
 * Metrics in the Prometheus text format. A scrape reads the counters of the request path; no prom-client code runs per request.
 * Label values come from the config and the catalogue, never from a client: a client cannot add series.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { type CountersSnapshot, sumCounters } from '../events/counters.ts';
import type { HistogramSnapshot } from '../events/histogram.ts';
import { isProbe, type RuleId } from '../rules/catalogue.ts';

export type Labels = Readonly<Record<string, string>>;

/** One number with its labels. */
export type Sample = readonly [labels: Labels, value: number];

/** A metric beside those of requests and probes. */
export interface ExtraMetric {
  /** Without `sekisho_`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Called at each scrape. */
  readonly samples: () => readonly Sample[] | Promise<readonly Sample[]>;
}

export interface MetricSource {
  /** One snapshot per process that serves requests. */
  readonly counters: () => readonly CountersSnapshot[] | Promise<readonly CountersSnapshot[]>;
  /** Probes by `rule action`. */
  readonly probes: ReadonlyMap<string, number>;
  readonly others: readonly ExtraMetric[];
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #source: MetricSource;
  #scrape: Promise<CountersSnapshot> | null = null;

  constructor(source: MetricSource) {
    this.#source = source;
    collectDefaultMetrics({ register: this.#registry });
    const fromCounters = (name: string, help: string, read: (sum: CountersSnapshot) => readonly Sample[]) =>
      this.#add(name, help, 'counter', async () => plain(read(await this.#sum())));
    fromCounters('requests_total', 'Requests judged, by site and verdict.', ({ requests }) =>
      requests.map(({ site, verdict, count }) => [{ site: site || 'none', verdict }, count]),
    );
    fromCounters(
      'backend_failures_total',
      'Requests that failed at a backend, by status sent.',
      ({ failures }) => failures.map(({ status, count }) => [{ status: String(status) }, count]),
    );
    this.#add('probes_total', 'Probes seen, by rule and action.', 'counter', async () =>
      plain(
        [...source.probes].flatMap(([key, count]): Sample[] => {
          const [rule = '', action = ''] = key.split(' ');
          return isProbe(rule as RuleId) ? [[{ rule, action }, count]] : [];
        }),
      ),
    );
    this.#add(
      'banned_requests_total',
      'Requests of banned clients, not counted as probes.',
      'counter',
      async () => {
        const banned = [...source.probes].filter(([key]) => !isProbe(key.split(' ', 1)[0] as RuleId));
        return plain([[{}, banned.reduce((sum, [, count]) => sum + count, 0)]]);
      },
    );
    this.#add('judge_seconds', 'Time to a verdict, for every sixteenth request.', 'histogram', async () =>
      histogram('sekisho_judge_seconds', {}, (await this.#sum()).judge),
    );
    this.#add('backend_seconds', 'Time to the response head, by backend.', 'histogram', async () =>
      (await this.#sum()).backends.flatMap(({ backend, latency }) =>
        histogram('sekisho_backend_seconds', { backend }, latency),
      ),
    );
    for (const { name, help, type, samples } of source.others)
      this.#add(name, help, type, async () => plain(await samples()));
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    this.#scrape = null;
    return this.#registry.metrics();
  }

  /** Collected once per scrape, for all metrics. */
  #sum(): Promise<CountersSnapshot> {
    this.#scrape ??= Promise.resolve(this.#source.counters()).then(sumCounters);
    return this.#scrape;
  }

  #add(name: string, help: string, type: string, values: () => Promise<readonly object[]>): void {
    const full = `sekisho_${name}`;
    const metric = {
      name: full,
      help,
      type,
      get: async () => ({ name: full, help, type, aggregator: 'sum', values: await values() }),
      reset: () => {},
    };
    this.#registry.registerMetric(metric as unknown as Metric);
  }
}

const plain = (samples: readonly Sample[]): object[] => samples.map(([labels, value]) => ({ labels, value }));

function histogram(name: string, labels: Labels, { bounds, counts, sum }: HistogramSnapshot): object[] {
  let total = 0;
  const buckets = counts.map((count, bucket) => {
    total += count;
    const le = bounds[bucket] === undefined ? '+Inf' : String(bounds[bucket]);
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: total },
  ];
}
