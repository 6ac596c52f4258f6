/** A chat room that repeats every message to everybody. */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import websocket from '@fastify/websocket';
import Fastify, { type FastifyInstance } from 'fastify';
import { relayGuard } from 'sekisho';

export async function buildApp(): Promise<FastifyInstance> {
  const app = Fastify();
  // Registered first: the others never see a refused request.
  if (process.env.GUARD !== 'off')
    await app.register(relayGuard, { hosts: ['chat.example.net', 'localhost', '127.0.0.1'] });
  await app.register(cors, { origin: 'https://www.example.net' });
  await app.register(helmet);
  await app.register(websocket);

  app.get('/', async () => ({ here: app.websocketServer.clients.size }));
  app.get('/room', { websocket: true }, (socket) => {
    socket.on('message', (message) => {
      for (const other of app.websocketServer.clients) other.send(String(message));
    });
  });
  return app;
}
