/** `GET /metrics` for Prometheus, in any Fastify app that has `relayGuard`. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { ConfigError } from '../src/config/fault.ts';
import { optionFaults } from '../src/config/plugin-options.ts';
import { noGuard } from '../src/events/probe-feed.ts';
import { banMetrics } from '../src/metrics/ban-metrics.ts';
import { BearerToken } from '../src/metrics/bearer-token.ts';
import type { MetricSource } from '../src/metrics/metrics.ts';
import { withPackages } from '../src/optional-package.ts';

export interface MetricsSettings {
  /** Path of the metrics. @default '/metrics' */
  readonly path?: string;
  /**
   * Requests must carry it as `Authorization: Bearer TOKEN`; others get 401. `false`: no token is needed. Hazard: anyone who
   * can reach the app can then read the metrics, which show which rules only flag.
   *
   * Required, so that an unset environment variable does not publish the metrics.
   */
  readonly token: string | false;
}

export type MetricsOptions = MetricsSettings;

async function metricsPlugin(app: FastifyInstance, options: MetricsOptions): Promise<void> {
  const { path = '/metrics', token } = options;
  const faults = optionFaults('metrics', options, ['path', 'token']);
  const wrong = (name: string, message: string, fix: string) =>
    faults.push({ path: name, value: null, message, fix, line: null });
  if (typeof path !== 'string' || !path.startsWith('/'))
    wrong('path', 'is not a path', 'write one that begins with /');
  if (token === undefined)
    wrong(
      'token',
      'is missing',
      'write 16 random characters or more, or false to let anyone read the metrics',
    );
  else if (token !== false && (typeof token !== 'string' || token.length < 16))
    wrong(
      'token',
      'is too short to be a secret',
      'write 16 random characters or more, or false to let anyone read the metrics',
    );
  if (faults.length > 0) throw new ConfigError(faults, 'metrics');
  const { serveMetrics } = await withPackages('metrics', () => import('../src/metrics/metrics-route.ts'));
  serveMetrics(app, ownSource(app), path, token === false ? null : new BearerToken(token));
}

function ownSource(app: FastifyInstance): MetricSource {
  const probes = new Map<string, number>();
  app.addHook('onReady', async () => {
    const watch = app.hasDecorator('relayGuard') ? app.relayWatch : null;
    if (watch === null) throw noGuard('metrics');
    watch.feed.listen(({ rule, action }) => {
      const key = `${rule} ${action}`;
      probes.set(key, (probes.get(key) ?? 0) + 1);
    });
  });
  return {
    counters: () => [app.relayWatch!.feed.counters.snapshot()],
    probes,
    others: banMetrics(() => (app.hasDecorator('bans') ? app.bans.ledger.counts : null)),
  };
}

/**
 * Counts of requests, probes, bans and backends. Needs `relayGuard`, registered before or after it.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const metrics = fp(metricsPlugin, { name: 'sekisho-metrics', fastify: '5.x' });
