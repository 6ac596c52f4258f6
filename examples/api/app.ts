/** Notes over JSON. */
import Fastify, { type FastifyInstance } from 'fastify';
import { relayGuard } from 'sekisho';

interface Note {
  readonly id: number;
  readonly text: string;
}

export async function buildApp(): Promise<FastifyInstance> {
  const app = Fastify();
  if (process.env.GUARD !== 'off') {
    await app.register(relayGuard, {
      hosts: ['www.example.net', 'localhost', '127.0.0.1'],
      onProbe: ({ action, rule, client, why }) => app.log.warn({ action, rule, client }, why),
    });
  }

  const notes = new Map<number, Note>();
  let next = 1;

  app.get('/notes', async () => [...notes.values()]);

  app.get<{ Params: { id: number } }>(
    '/notes/:id',
    { schema: { params: { type: 'object', properties: { id: { type: 'integer' } } } } },
    async (request, reply) => notes.get(request.params.id) ?? reply.callNotFound(),
  );

  app.post<{ Body: { text: string } }>(
    '/notes',
    {
      schema: {
        body: {
          type: 'object',
          required: ['text'],
          properties: { text: { type: 'string', minLength: 1, maxLength: 1000 } },
        },
      },
    },
    async (request, reply) => {
      const note = { id: next++, text: request.body.text };
      notes.set(note.id, note);
      return reply.code(201).header('location', `/notes/${note.id}`).send(note);
    },
  );

  // Customers point their own domains here, so it must accept any Host.
  app.get('/.well-known/status', { config: { relayGuard: false } }, async () => ({ status: 'fine' }));

  return app;
}
