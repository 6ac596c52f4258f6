/** The TLS server of a decoy: accepts old clients too, and shows a certificate that names nobody. */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { judgeFirstBytes, judgeServerName } from '../judge.ts';
import { selfSigned } from './certificate.ts';
import { type Asked, wish } from './conversation.ts';
import { decoyPolicy } from './decoy-policy.ts';

interface TlsEvents {
  readonly onAgreed: (socket: TLSSocket) => void;
  /** The handshake failed, after a hello that may have named a server. */
  readonly onFailed: (socket: TLSSocket) => void;
}

/** A server that never listens: emit `connection` to hand it a socket. @param time milliseconds for a handshake */
export function tlsServer(time: number, { onAgreed, onFailed }: TlsEvents): Server {
  const server = createServer({
    ...selfSigned(Date.now()),
    handshakeTimeout: time,
    allowHalfOpen: true,
    // Scanners still use versions and ciphers that browsers dropped. Nothing secret passes here.
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

/** The probe of a client that asked for nothing after the handshake. @param name server name of the hello; empty: none */
export function helloSeen(name: string): Asked {
  const verdict =
    (name === '' ? null : judgeServerName(name, decoyPolicy)) ??
    judgeFirstBytes(Buffer.from([0x16, 3, 1]), decoyPolicy)!;
  return { ...wish({ ...verdict, action: 'block' }, ''), answer: 'drop' };
}
