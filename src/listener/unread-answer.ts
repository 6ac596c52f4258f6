/** Answers that the client does not read. Not seen by a timeout of the socket: a byte that the client sends would put it off. */
import type { Socket } from 'node:net';

type ConnectedSocket = Socket & { _handle?: { writeQueueSize?: number } | null };

export class UnreadAnswer {
  readonly #socket: ConnectedSocket;
  #bytes = 0;
  #taken = 0;
  #since: number;

  /** @param now when the connection began, on the clock that it is asked by */
  constructor(socket: Socket, now: number) {
    this.#socket = socket;
    this.#since = now;
  }

  /** As many were not taken when it was last looked at. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether nothing was taken for as long. Asked every now and then. What waits is no sign of that: of a client that reads as
   * fast as the backend sends, it may be the same whenever it is looked at.
   *
   * @param stall milliseconds
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

/** Bytes that the system has not taken. Of one long write the handle tells how far it got, which Node's own timeout asks too. */
const unwritten = ({ writableLength, _handle }: ConnectedSocket): number =>
  writableLength === 0 ? 0 : writableLength + (_handle?.writeQueueSize ?? 0);
