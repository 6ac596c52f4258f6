/** How many connections each client has open. One that opens as many as the process may have would keep everybody else out. */
import type { Socket } from 'node:net';
import type { Client } from '../guard/client.ts';

export class ClientConnections {
  /** An entry for each client that has a connection open now, so never more than there are connections. */
  readonly #open = new Map<string, number>();
  readonly #max: number;
  readonly #onExcess: (client: Client, max: number) => void;

  /**
   * @param max connections of one client
   * @param onExcess told of each connection that is not admitted
   */
  constructor(max: number, onExcess: (client: Client, max: number) => void) {
    this.#max = max;
    this.#onExcess = onExcess;
  }

  /**
   * Whether a client may have one more connection; it is counted until it closes.
   *
   * @param client trusted proxies and those that can't be banned have no limit: behind them are many
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
