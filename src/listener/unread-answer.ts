/** Detects answers that the client does not read. A socket timeout can't: every byte that the client sends resets it. */
import type { Socket } from 'node:net';

type ConnectedSocket = Socket & { _handle?: { writeQueueSize?: number } | null };

export class UnreadAnswer {
  readonly #socket: ConnectedSocket;
  #bytes = 0;
  #taken = 0;
  #since: number;

  /** @param now when the connection began, by the clock used for `standsStill` */
  constructor(socket: Socket, now: number) {
    this.#socket = socket;
    this.#since = now;
  }

  /** Bytes not yet sent at the last check. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether the client has read nothing for `stall` milliseconds. Called periodically. It compares the bytes sent, not those
   * waiting: those may be the same at every check for a client that reads as fast as the backend sends.
   */
  standsStill(now: number, stall: number): boolean {
    const bytes = unwritten(this.#socket);
    const taken = this.#socket.bytesWritten - bytes;
    if (bytes > 0 && this.#bytes > 0 && taken === this.#taken) return now - this.#since >= stall;
    this.#bytes = bytes;
    this.#taken = taken;
    this.#since = now;
    return false;
  }
}

/** Bytes the kernel has not taken. The handle knows the progress of a long write; Node's own timeout asks it too. */
const unwritten = ({ writableLength, _handle }: ConnectedSocket): number =>
  writableLength === 0 ? 0 : writableLength + (_handle?.writeQueueSize ?? 0);
