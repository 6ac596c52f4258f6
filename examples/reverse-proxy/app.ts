/** A reverse proxy with a page of its own and two backends. */
import Fastify, { type FastifyInstance } from 'fastify';
import { forward, relayGuard } from 'sekisho';

export interface Backends {
  readonly site?: string;
  readonly api?: string;
}

export async function buildApp({
  site = 'http://127.0.0.1:8081',
  api = 'http://127.0.0.1:8082',
}: Backends = {}): Promise<FastifyInstance> {
  const app = Fastify();
  if (process.env.GUARD !== 'off')
    await app.register(relayGuard, { hosts: ['www.example.net', 'localhost', '127.0.0.1'] });
  app.get('/healthz', async () => 'fine');
  app.register(forward, { prefix: '/api', backend: api, websocket: true });
  app.register(forward, { backend: site, host: 'www.example.net' });
  return app;
}
