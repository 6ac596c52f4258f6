/** The live feed over HTTP, and the CSRF token of a session. Needs `sekisho-admin`. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Access } from './access.ts';
import { text } from './status-types.ts';
import type { Stream } from './stream.ts';

export interface StreamApiOptions {
  readonly stream: Stream;
  readonly access: Access;
}

async function streamApi(app: FastifyInstance, { stream, access }: StreamApiOptions): Promise<void> {
  app.get('/api/session', { schema: { hide: true } }, async ({ pass }) => ({
    csrf: pass?.by === 'session' ? pass.session.csrf : null,
  }));

  app.get(
    '/api/stream',
    {
      schema: {
        summary: 'The live feed: server-sent events `probes`, `status`, `bans` and `backends`',
        response: { 200: text({ 'text/event-stream': 'Their data is JSON.' }) },
      },
    },
    async ({ headers }, reply) => {
      reply.hijack();
      // Checked again while the feed is open: the session can expire, the token can be replaced.
      const allowed = () => access.check(headers, Date.now()) !== null;
      for (const [name, value] of Object.entries(reply.getHeaders()))
        reply.raw.setHeader(name, value as string);
      if (!stream.add(reply.raw, allowed))
        reply.raw.writeHead(503, { 'Retry-After': '10' }).end('{"error":"too many listeners"}');
    },
  );
}

export const adminStream = fp(streamApi, {
  name: 'sekisho-admin-stream',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});
