/** `GET /metrics` for Prometheus: at the admin listener, and in anybody's own app. */
import type { FastifyInstance } from 'fastify';
import { BearerToken } from './bearer-token.ts';
import { type MetricSource, Metrics } from './metrics.ts';

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

/** @param access asks for a token; null: everybody may see them */
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
        summary: 'Metrics in the text format of Prometheus',
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
