/**
 * A third party on a loopback port, which a relay would reach. It must never be reached through Sekisho.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import type { Owner } from './owner.ts';

/** Bytes kept of each connection. */
const kept = 8_192;

export interface CanaryConnection {
  /** `ADDRESS:PORT` of the peer. */
  readonly from: string;
  /** The first bytes received, at most 8192; grows while the connection is open. */
  readonly bytes: Buffer;
}

export interface Canary {
  readonly port: number;
  /** `127.0.0.1:PORT` */
  readonly authority: string;
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  /** In every answer, in a header (`X-Canary`) and in the body: a client that reads it has been relayed. */
  readonly token: string;
  /** Every connection so far, silent ones included. */
  readonly connections: readonly CanaryConnection[];
  /** Waits for the first connection that has sent something. @throws after `timeout` milliseconds (default 20000) */
  touched(timeout?: number): Promise<CanaryConnection>;
}

export interface CanaryOptions {
  /** Address to listen on. @default '127.0.0.1' */
  host?: string;
  /** Sent on connect, as a mail server does (`220 …`). @default nothing */
  greeting?: string;
}

/**
 * Starts a canary. An HTTP request is answered with 200 and the token, anything else with the token on a line, and
 * the connection is closed.
 */
export async function startCanary(owner: Owner, options: CanaryOptions = {}): Promise<Canary> {
  const host = options.host ?? '127.0.0.1';
  const token = `canary-${randomBytes(8).toString('hex')}`;
  const connections: { from: string; bytes: Buffer }[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const connection = { from: `${socket.remoteAddress}:${socket.remotePort}`, bytes: Buffer.alloc(0) };
    connections.push(connection);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // A relay that gives up in the middle is not an error.
    socket.on('error', () => {});
    if (options.greeting !== undefined) socket.write(options.greeting);
    socket.on('data', (chunk: Buffer) => {
      connection.bytes = Buffer.concat([connection.bytes, chunk]).subarray(0, kept);
      server.emit('touched', connection);
      const answer = answerTo(connection.bytes.toString('latin1'), token);
      if (answer !== null && !socket.writableEnded) socket.end(answer);
    });
  });
  await once(server.listen(0, host), 'listening');
  owner.after(() => {
    for (const socket of open) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return {
    port,
    authority,
    url: `http://${authority}/`,
    token,
    connections,
    async touched(timeout = 20_000) {
      const past = connections.find(({ bytes }) => bytes.length > 0);
      if (past !== undefined) return past;
      const [connection] = await once(server, 'touched', { signal: AbortSignal.timeout(timeout) });
      return connection;
    },
  };
}

function answerTo(received: string, token: string): string | null {
  if (!/^[A-Z]+ \S+ HTTP\/1\.[01]\r\n/.test(received)) {
    // Waits while the bytes may become a request line; anything else is answered.
    return received.includes('\n') || !/^[A-Z]/.test(received) ? `${token}\r\n` : null;
  }
  if (!received.includes('\r\n\r\n')) return null;
  const body = `${token}\n`;
  const head = [
    'HTTP/1.1 200 OK',
    `X-Canary: ${token}`,
    'Content-Type: text/plain',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${received.startsWith('HEAD ') ? '' : body}`;
}
