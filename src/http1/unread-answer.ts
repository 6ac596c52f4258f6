/** Answers that the client does not read. Not seen by a timeout of the socket: a byte that the client sends would put it off. */
import type { Socket } from 'node:net';

type ConnectedSocket = Socket & { _handle?: { writeQueueSize?: number } | null };

export class UnreadAnswer {
  readonly #socket: ConnectedSocket;
  #bytes = 0;
  #since: number;

  constructor(socket: Socket, now: number) {
    this.#socket = socket;
    this.#since = now;
  }

  /** As many were not taken when it was last looked at. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing was taken for as long. Asked every now and then. @param stall milliseconds */
  standsStill(now: number, stall: number): boolean {
    const bytes = unwritten(this.#socket);
    if (bytes > 0 && bytes === this.#bytes) return now - this.#since >= stall;
    this.#bytes = bytes;
    this.#since = now;
    return false;
  }
}

/** Bytes that the system has not taken. Of one long write the handle tells how far it got, which Node's own timeout asks too. */
const unwritten = ({ writableLength, _handle }: ConnectedSocket): number =>
  writableLength === 0 ? 0 : writableLength + (_handle?.writeQueueSize ?? 0);
