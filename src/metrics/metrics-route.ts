/** `GET /metrics` for Prometheus: at the admin listener, and in apps that use the plugin. */
import type { FastifyInstance } from 'fastify';
import { BearerToken } from './bearer-token.ts';
import { type MetricSource, Metrics } from './metrics.ts';

/** The two answers, for the OpenAPI document of the app. */
const asText = {
  description: 'One sample per line.',
  content: { 'text/plain': { schema: { type: 'string', description: 'One sample per line.' } } },
} as const;
const refused = {
  type: 'object',
  required: ['error'],
  properties: { error: { type: 'string', description: 'What is wrong.' } },
} as const;

/** @param access the token required; null: anyone may read them */
export function serveMetrics(
  app: FastifyInstance,
  source: MetricSource,
  path: string,
  access: BearerToken | null,
): void {
  const metrics = new Metrics(source);
  app.get(
    path,
    {
      schema: {
        summary: 'Metrics in the Prometheus text format',
        response: { 200: asText, 401: refused },
      },
    },
    async ({ headers }, reply) => {
      if (access !== null && !access.is(BearerToken.of(headers) ?? ''))
        return reply
          .code(401)
          .header('WWW-Authenticate', 'Bearer realm="sekisho"')
          .send({ error: 'a token is needed' });
      return reply.type(metrics.contentType).send(await metrics.text());
    },
  );
}
