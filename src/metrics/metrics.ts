/**
 * Metrics in the text format of Prometheus. What the request path counts is read as it stands when somebody scrapes;
 * nothing of prom-client runs per request. Labels come from the config and the catalogue, never from a client.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { type CountersSnapshot, sumCounters } from '../events/counters.ts';
import type { HistogramSnapshot } from '../events/histogram.ts';
import { isProbe, type RuleId } from '../rules/catalogue.ts';

export type Labels = Readonly<Record<string, string>>;

/** One number with its labels. */
export type Sample = readonly [labels: Labels, value: number];

export interface MetricSource {
  /** Of every process that carries requests. */
  readonly counters: () => readonly CountersSnapshot[] | Promise<readonly CountersSnapshot[]>;
  /** Probes by `rule action`. */
  readonly probes: ReadonlyMap<string, number>;
  /** Whatever else is worth a number: name without `sekisho_`, what it is, type, samples as they stand. */
  readonly others: readonly {
    readonly name: string;
    readonly help: string;
    readonly type: 'counter' | 'gauge';
    readonly samples: () => readonly Sample[] | Promise<readonly Sample[]>;
  }[];
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
      'Requests that a backend failed, by status sent.',
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
      'Requests of banned clients, which are no probes.',
      'counter',
      async () => {
        const banned = [...source.probes].filter(([key]) => !isProbe(key.split(' ', 1)[0] as RuleId));
        return plain([[{}, banned.reduce((sum, [, count]) => sum + count, 0)]]);
      },
    );
    this.#add('judge_seconds', 'Time to a verdict, of every sixteenth request.', 'histogram', async () =>
      histogram('sekisho_judge_seconds', {}, (await this.#sum()).judge),
    );
    this.#add('backend_seconds', 'Time until the head of a response, by backend.', 'histogram', async () =>
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

  /** Asked for once a scrape, by several metrics. */
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
