/** A server in this process that handles connections as the test says. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Owner } from './owner.ts';

/** Starts it and returns its port. */
export async function scriptedServer(
  owner: Owner,
  onConnection: (socket: Socket) => void,
  host = '127.0.0.1',
  port = 0,
): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => {});
    onConnection(socket);
  });
  await once(server.listen(port, host), 'listening');
  owner.after(() => {
    for (const socket of open) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  return (server.address() as AddressInfo).port;
}
