/** TLS of a decoy: any client may agree on it, old ones too, and is shown a certificate that says nothing. */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { judgeFirstBytes, judgeServerName } from '../judge.ts';
import { selfSigned } from './certificate.ts';
import { type Asked, wish } from './conversation.ts';
import { nothingOurs } from './nothing-ours.ts';

interface TlsEvents {
  readonly onAgreed: (socket: TLSSocket) => void;
  /** The handshake came to nothing, after a hello that may have named a server. */
  readonly onFailed: (socket: TLSSocket) => void;
}

/** A server that is given connections by its event `connection`, and never listens. @param time milliseconds for a handshake */
export function tlsServer(time: number, { onAgreed, onFailed }: TlsEvents): Server {
  const server = createServer({
    ...selfSigned(Date.now()),
    handshakeTimeout: time,
    allowHalfOpen: true,
    // Scanners still come with what browsers gave up: they are heard here, not trusted.
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
  });
  server.on('secureConnection', onAgreed);
  server.on('tlsClientError', (_error, socket) => {
    onFailed(socket);
    (socket as Socket).destroy();
  });
  return server;
}

/** A handshake behind which nothing is asked for: the name in it is all that is known. @param name empty: none was asked for */
export function helloSeen(name: string): Asked {
  const verdict =
    (name === '' ? null : judgeServerName(name, nothingOurs)) ??
    judgeFirstBytes(Buffer.from([0x16, 3, 1]), nothingOurs)!;
  return { ...wish({ ...verdict, action: 'block' }, ''), answer: 'drop' };
}
