/** `GET /metrics` for Prometheus: at the admin listener, and in anybody's own app beside `relayGuard`. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Access } from '../src/admin/access.ts';
import type { MetricSource } from '../src/admin/metrics.ts';
import { ConfigError } from '../src/config/fault.ts';
import { optionFaults } from '../src/config/plugin-options.ts';
import { noGuard } from '../src/events/probe-feed.ts';
import { withPackages } from '../src/optional-package.ts';

export interface MetricsSettings {
  /** Where they are. @default '/metrics' */
  readonly path?: string;
  /**
   * Whoever asks must send it as `Authorization: Bearer TOKEN`; others get 401. `false`: nobody has to. Hazard of that: the
   * metrics are for everybody who reaches the app, and say which rules are only flagged.
   *
   * It must be given, so that an environment variable that is not set does not publish them.
   */
  readonly token: string | false;
}

/** Of the app that it is registered in, or of a source that is there already. */
export type MetricsOptions = (MetricsSettings & { readonly counters?: never }) | MetricSource;

async function metricsPlugin(app: FastifyInstance, options: MetricsOptions): Promise<void> {
  if (options.counters !== undefined) {
    await serve(app, options, '/metrics', null);
    return;
  }
  const { path = '/metrics', token } = options;
  const faults = optionFaults('metrics', options, ['path', 'token']);
  const wrong = (name: string, message: string, mend: string) =>
    faults.push({ path: name, value: null, message, mend, line: null });
  if (typeof path !== 'string' || !path.startsWith('/'))
    wrong('path', 'is no path', 'write one that begins with /');
  if (token === undefined)
    wrong(
      'token',
      'is missing',
      'write 16 characters or more that nobody guesses, or false to let everybody see them',
    );
  else if (token !== false && (typeof token !== 'string' || token.length < 16))
    wrong(
      'token',
      'is too short to be a secret',
      'write 16 characters or more, or false to let everybody see them',
    );
  if (faults.length > 0) throw new ConfigError(faults, 'metrics');
  await serve(app, ownSource(app), path, token === false ? null : new Access(token, false));
}

/** What the two answers are, for an OpenAPI document of the app. */
const asText = {
  description: 'A sample a line.',
  content: { 'text/plain': { schema: { type: 'string', description: 'A sample a line.' } } },
} as const;
const refused = {
  type: 'object',
  required: ['error'],
  properties: { error: { type: 'string', description: 'What is wrong.' } },
} as const;

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
  const bans = (read: 'active' | 'listed' | 'evicted') => () =>
    app.hasDecorator('bans') ? ([[{}, app.bans.ledger.counts[read]]] as const) : [];
  return {
    counters: () => [app.relayWatch!.feed.counters.snapshot()],
    probes,
    others: [
      { name: 'bans', help: 'Prefixes banned now.', type: 'gauge', samples: bans('active') },
      { name: 'bans_listed', help: 'Prefixes on imported lists.', type: 'gauge', samples: bans('listed') },
      {
        name: 'ban_records_evicted_total',
        help: 'Bans forgotten because there were too many.',
        type: 'counter',
        samples: bans('evicted'),
      },
    ],
  };
}

async function serve(
  app: FastifyInstance,
  source: MetricSource,
  path: string,
  access: Access | null,
): Promise<void> {
  const { Metrics } = await withPackages('metrics', () => import('../src/admin/metrics.ts'));
  const metrics = new Metrics(source);
  app.get(
    path,
    {
      schema: {
        summary: 'Metrics in the text format of Prometheus',
        response: { 200: asText, 401: refused },
      },
    },
    async ({ headers }, reply) => {
      if (access !== null && access.check(headers, Date.now())?.by !== 'token')
        return reply
          .code(401)
          .header('WWW-Authenticate', 'Bearer realm="sekisho"')
          .send({ error: 'a token is needed' });
      return reply.type(metrics.contentType).send(await metrics.text());
    },
  );
}

/**
 * Counts of requests, probes, bans and backends. In an app of your own it needs `relayGuard`, before or after it.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const metrics = fp(metricsPlugin, { name: 'sekisho-metrics', fastify: '5.x' });
