import type { Socket } from 'node:net';
import { type Member, Members } from './members.ts';

interface Open extends Member {
  readonly socket: Socket;
}

/** The open connections of a server, upgraded ones included. */
export class OpenSockets {
  readonly #open = new Members<Open>();

  get size(): number {
    return this.#open.size;
  }

  /** Holds a connection until it closes. */
  add(socket: Socket): void {
    const open = { socket, place: -1 };
    this.#open.add(open);
    socket.once('close', () => this.#open.delete(open));
  }

  /** Cuts them all off. */
  destroy(): void {
    for (const { socket } of this.#open) socket.destroy();
  }
}
