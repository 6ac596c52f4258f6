/** A backend with one of the lenient readers; answers every request that this reader sees. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Owner } from '../support/owner.ts';
import { readAll, readerNames } from './loose-reader.ts';

export interface LooseBackend {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /**
   * The request lines in all bytes received since the last call, on all connections, as each reader sees them; `unread`: the bytes
   * that a reader has not consumed.
   */
  take(): Readings;
  /** All bytes received since the last `take`. */
  untaken(): string;
}

/** Name of a reader → what it sees. */
export type Readings = ReadonlyMap<string, { readonly lines: readonly string[]; readonly unread: string }>;

/** The header of an answer that holds the request line it answers. */
export const answersHeader = 'x-answers';

export async function looseBackend(owner: Owner, reader: string): Promise<LooseBackend> {
  const connections: { text: string; taken: number }[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    const connection = { text: '', taken: 0 };
    connections.push(connection);
    let read = 0;
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    socket.on('data', (bytes: Buffer) => {
      connection.text += bytes.toString('latin1');
      for (const request of readAll(reader, connection.text, read)) {
        read = request.end;
        socket.write(answer(request.line), 'latin1');
        if (request.last) socket.end();
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  owner.after(() => {
    for (const socket of open) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    untaken: () => connections.map(({ text, taken }) => text.slice(taken)).join(''),
    take() {
      const readings = new Map<string, { lines: string[]; unread: string }>(
        readerNames.map((name) => [name, { lines: [], unread: '' }]),
      );
      for (const connection of connections) {
        for (const [name, reading] of readings) {
          const seen = readAll(name, connection.text, connection.taken);
          reading.lines.push(...seen.map(({ line }) => line));
          const last = seen.at(-1);
          if (last?.last !== true) reading.unread += connection.text.slice(last?.end ?? connection.taken);
        }
        connection.taken = connection.text.length;
      }
      return readings;
    },
  };
}

function answer(line: string): string {
  const body = line.startsWith('HEAD ') ? '' : line;
  return `HTTP/1.1 200 OK\r\nX-Answers: ${line}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
