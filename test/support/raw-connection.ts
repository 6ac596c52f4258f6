/** A raw client connection. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Owner } from './owner.ts';
import { type BackendConnection, watched } from './raw-backend.ts';

/** Connects to a loopback port, from any loopback address; closed with its owner. */
export async function rawConnection(
  owner: Owner,
  port: number,
  host = '127.0.0.1',
  from?: string,
): Promise<BackendConnection> {
  const socket = connect({
    port,
    host,
    noDelay: true,
    allowHalfOpen: true,
    ...(from ? { localAddress: from } : {}),
  });
  owner.after(() => socket.destroy());
  const connection = watched(socket);
  await once(socket, 'connect');
  return connection;
}
