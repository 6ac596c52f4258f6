/** Detects answers that the client does not read. A socket timeout can't: every byte that the client sends resets it. */
import type { Socket } from 'node:net';

type ConnectedSocket = Socket & { _handle?: { writeQueueSize?: number } | null };

export class UnreadAnswer {
  readonly #socket: ConnectedSocket;
  #bytes = 0;
  #taken = 0;
  /** Milliseconds without progress. */
  #still = 0;
  #checked: number;

  /** @param now when the connection began, by the clock used for `standsStill` */
  constructor(socket: Socket, now: number) {
    this.#socket = socket;
    this.#checked = now;
  }

  /** Bytes not yet sent at the last check. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether the client has read nothing for `stall` milliseconds. Called at least four times within them. It compares the bytes sent, not
   * those waiting: those may be the same at every check for a client that reads as fast as the backend sends. A check that comes late
   * counts as one in time: while this process did not run, no client could read.
   */
  standsStill(now: number, stall: number): boolean {
    const bytes = unwritten(this.#socket);
    const taken = this.#socket.bytesWritten - bytes;
    const waited = Math.min(now - this.#checked, stall / 4);
    this.#checked = now;
    const still = bytes > 0 && this.#bytes > 0 && taken === this.#taken;
    this.#still = still ? this.#still + waited : 0;
    this.#bytes = bytes;
    this.#taken = taken;
    return this.#still >= stall;
  }
}

/** Bytes the kernel has not taken. The handle knows the progress of a long write; Node's own timeout asks it too. */
const unwritten = ({ writableLength, _handle }: ConnectedSocket): number =>
  writableLength === 0 ? 0 : writableLength + (_handle?.writeQueueSize ?? 0);
