import type { FastifyInstance } from 'fastify';
import type { Owner } from './owner.ts';

/** Lets an app listen on a free loopback port until its owner ends. @returns its URL */
export async function boundTo(app: FastifyInstance, owner: Owner): Promise<string> {
  owner.after(() => app.close());
  return app.listen({ host: '127.0.0.1', port: 0 });
}
