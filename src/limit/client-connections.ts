/** Open connections of each client, limited: one client could otherwise use up all the file descriptors of the process. */
import type { Socket } from 'node:net';
import type { Client } from '../guard/client.ts';

export class ClientConnections {
  /** One entry per client with an open connection, so never more entries than connections. */
  readonly #open = new Map<string, number>();
  readonly #max: number;
  readonly #onExcess: (client: Client, max: number) => void;

  /**
   * @param max connections per client
   * @param onExcess called for each connection that is not admitted
   */
  constructor(max: number, onExcess: (client: Client, max: number) => void) {
    this.#max = max;
    this.#onExcess = onExcess;
  }

  /**
   * Whether a client may have one more connection; if so, counts it until it closes.
   *
   * @param client trusted proxies and allowed clients have no limit: many users share them
   */
  admit(socket: Socket, client: Client): boolean {
    const { prefix } = client;
    if (client.trusted || client.allowed || prefix === '') return true;
    const open = this.#open.get(prefix) ?? 0;
    if (open >= this.#max) {
      this.#onExcess(client, this.#max);
      return false;
    }
    this.#open.set(prefix, open + 1);
    socket.once('close', () => {
      const left = this.#open.get(prefix)! - 1;
      if (left === 0) this.#open.delete(prefix);
      else this.#open.set(prefix, left);
    });
    return true;
  }
}
