import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Owner } from '../support/owner.ts';

/**
 * A backend that answers 200 to everything, malformed requests included, so that every refusal comes from the server in front.
 */
export async function anyBackend(owner: Owner): Promise<{ port: number }> {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
  const say = (socket: Duplex): void => {
    socket.on('error', () => {});
    socket.end(ok);
  };
  const open = new Set<Socket>();
  const server = createServer({ insecureHTTPParser: true }, (request, response) => {
    request.resume();
    request.once('end', () => response.end('ok'));
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('clientError', (_error, socket) => say(socket));
  for (const event of ['connect', 'upgrade'] as const)
    server.on(event, (_request, socket: Duplex) => say(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  owner.after(() => {
    for (const socket of open) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  return { port: (server.address() as AddressInfo).port };
}
