/** Many probes in little time, over a few keep-alive connections. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

export interface FloodOptions {
  /** Probes in all. */
  readonly count: number;
  /** Probes per second; absent: as fast as possible. */
  readonly rate?: number;
  /** @default 8 */
  readonly connections?: number;
  /** The request with this number; its answer must keep the connection open. */
  readonly request: (index: number) => string;
  /** Source addresses, used in turn. @default 127.0.0.1 */
  readonly from?: readonly string[];
}

/** Requests written at once on one connection. */
const batch = 25;

/** Sends the probes and resolves when each has its answer. @throws where a connection breaks off */
export async function flood(port: number, options: FloodOptions): Promise<void> {
  const { count, rate, connections = 8, request, from = ['127.0.0.1'] } = options;
  let next = 0;
  const start = performance.now();
  const lane = async (number: number): Promise<void> => {
    const socket = createConnection({
      host: '127.0.0.1',
      port,
      localAddress: from[number % from.length]!,
      noDelay: true,
    });
    await once(socket, 'connect');
    while (next < count) {
      const size = Math.min(batch, count - next);
      const first = next;
      next += size;
      const early = rate === undefined ? 0 : (first / rate) * 1000 - (performance.now() - start);
      if (early > 1) await new Promise((done) => setTimeout(done, early));
      socket.write(Array.from({ length: size }, (_, i) => request(first + i)).join(''));
      await answers(socket, size);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, (_, number) => lane(number)));
}

/** Waits for this many response heads. */
function answers(socket: Socket, wanted: number): Promise<void> {
  return new Promise((done, fail) => {
    let rest = '';
    let seen = 0;
    const onData = (chunk: Buffer): void => {
      const text = rest + chunk.toString('latin1');
      for (let at = text.indexOf('HTTP/1.1 '); at !== -1; at = text.indexOf('HTTP/1.1 ', at + 9)) seen++;
      rest = text.slice(-8);
      if (seen >= wanted) end(done);
    };
    const onClose = (): void => end(() => fail(new Error(`closed after ${seen} of ${wanted} answers`)));
    const end = (then: () => void): void => {
      socket.off('data', onData).off('close', onClose).off('error', onClose);
      then();
    };
    socket.on('data', onData).on('close', onClose).on('error', onClose);
  });
}

/** A probe that is flagged and forwarded, so that its connection stays open; for one of this many destinations. */
export const flagged = (index: number, destinations: number): string =>
  `GET //evil${index % destinations}.example/ HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n`;
