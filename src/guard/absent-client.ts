/**
 * A client that left before what it had sent was looked at. What it left goes to the server that reads everything else, on
 * this in place of its connection, so that it is judged by the same reading; what is answered goes to nobody.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type PeerSocket, samePeer } from './client.ts';

const absent = Symbol('sekisho.absent');

/** Where a connection was; a socket forgets it as it closes. */
export interface Whereabouts {
  readonly remoteAddress: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
}

export const whereabouts = ({ remoteAddress, localAddress, localPort }: Socket): Whereabouts => ({
  remoteAddress,
  localAddress,
  localPort,
});

/** @param bytesRead from the connection altogether */
export function absentClient(socket: Socket, where: Whereabouts, bytesRead: number): Socket {
  const standIn = new Duplex({
    read() {},
    write: (_chunk, _encoding, done) => done(),
  });
  Object.assign(standIn, where, { bytesRead, [absent]: true });
  if ('encrypted' in socket) Object.assign(standIn, { encrypted: true });
  samePeer(socket as PeerSocket, standIn as PeerSocket);
  return standIn as unknown as Socket;
}

/** Nobody waits for what is answered there. */
export const isAbsent = (socket: object | undefined): boolean =>
  (socket as { [absent]?: true } | undefined)?.[absent] === true;
