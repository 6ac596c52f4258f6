/** `GET /metrics` for Prometheus. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { type MetricSource, Metrics } from '../src/admin/metrics.ts';

async function metricsPlugin(app: FastifyInstance, source: MetricSource): Promise<void> {
  const metrics = new Metrics(source);
  app.get(
    '/metrics',
    { schema: { summary: 'Metrics in the text format of Prometheus' } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );
}

export const metrics = fp(metricsPlugin, { name: 'sekisho-metrics', fastify: '5.x' });
