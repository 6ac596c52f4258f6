/** A TCP proxy to a server that can be cut and restored, like a tunnel or a sleeping laptop. */
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import type { Owner } from './owner.ts';

export interface Breakable {
  readonly port: number;
  /** Closes every connection, and each new one at once. */
  cut(): void;
  restore(): void;
}

/** @param to the port behind it */
export async function breakable(owner: Owner, to: number): Promise<Breakable> {
  const open = new Set<Socket>();
  let whole = true;
  const end = () => {
    for (const socket of open) socket.destroy();
  };
  const server = createServer((socket) => {
    const behind = whole ? createConnection(to, '127.0.0.1') : null;
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      if (one === null) continue;
      open.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        open.delete(one);
        other?.destroy();
      });
    }
    if (behind === null) socket.destroy();
    else socket.pipe(behind).pipe(socket);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  owner.after(() => {
    server.close();
    end();
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      whole = false;
      end();
    },
    restore: () => {
      whole = true;
    },
  };
}
