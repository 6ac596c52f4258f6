/** A raw backend: the test controls every connection, byte by byte. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Owner } from './owner.ts';

export interface RawBackend {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Every connection so far, in order. */
  readonly connections: readonly BackendConnection[];
  /** Waits for the connection of this number, from 0. @throws after 20 seconds */
  connection(number: number): Promise<BackendConnection>;
}

export interface BackendConnection {
  readonly socket: Socket;
  /** Bytes received so far, as latin1. */
  text(): string;
  /** Waits until the received text matches. @throws where the connection closes, or after 20 seconds */
  until(pattern: RegExp): Promise<string>;
  /** Settles when the peer ends its side. */
  readonly ended: Promise<void>;
  /** Settles when the connection is closed. */
  readonly closed: Promise<void>;
}

/** @param serve called with each connection; without it the test asks for connections by number */
export async function rawBackend(
  owner: Owner,
  serve: (connection: BackendConnection, number: number) => unknown = () => {},
): Promise<RawBackend> {
  const connections: BackendConnection[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = watched(socket);
    connections.push(connection);
    server.emit('served');
    serve(connection, connections.length - 1);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  owner.after(() => {
    for (const { socket } of connections) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections,
    async connection(number) {
      const signal = AbortSignal.timeout(20_000);
      while (connections[number] === undefined) await once(server, 'served', { signal });
      return connections[number];
    },
  };
}

/** Reads a socket to its end and lets a test wait for its bytes. */
export function watched(socket: Socket): BackendConnection {
  let text = '';
  let over = false;
  let wake = (): void => {};
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  const ended = new Promise<void>((done) => socket.once('end', () => done()));
  const onOver = (): void => {
    over = true;
    wake();
  };
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    wake();
  });
  socket.once('end', onOver).once('close', onOver);
  return {
    socket,
    closed,
    ended: Promise.race([ended, closed]),
    text: () => text,
    async until(pattern) {
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        wake();
      }, 20_000);
      try {
        while (!pattern.test(text)) {
          if (over || late) throw new Error(`${pattern} never came: ${JSON.stringify(text.slice(-500))}`);
          await new Promise<void>((done) => {
            wake = done;
          });
        }
      } finally {
        clearTimeout(timer);
      }
      return text;
    },
  };
}
