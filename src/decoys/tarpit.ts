/** Slows senders down: each gets its refusal a byte a second. All share one timer, and the bytes of the refusals. */
import type { Socket } from 'node:net';
import type { TarpitOptions } from './options.ts';

interface Held {
  readonly refusal: Buffer;
  at: number;
  readonly until: number;
  /** Bytes received since it was held. */
  more: number;
}

/** Bytes a held sender may send. A flood costs the tarpit more than the sender. */
const mostSent = 65_536;

export class Tarpit {
  readonly #options: TarpitOptions;
  readonly #now: () => number;
  readonly #held = new Map<Socket, Held>();
  #timer: NodeJS.Timeout | null = null;

  /** @param now milliseconds, monotonic */
  constructor(options: TarpitOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Takes over a connection. @returns false if the tarpit is full */
  hold(socket: Socket, refusal: Buffer): boolean {
    if (this.#held.size >= this.#options.connections) return false;
    const held = { refusal, at: 0, until: this.#now() + this.#options.time, more: 0 };
    this.#held.set(socket, held);
    socket.once('close', () => this.#release(socket));
    // Read and discard: a paused stream would keep 64 KiB of read-ahead for each of ten thousand connections.
    socket.on('data', (chunk: Buffer) => {
      held.more += chunk.length;
      if (held.more > mostSent) socket.destroy();
    });
    socket.resume();
    this.#timer ??= setInterval(() => this.tick(), 1000);
    return true;
  }

  /** Sends each connection its next byte. Called every second. */
  tick(): void {
    const now = this.#now();
    for (const [socket, held] of this.#held) {
      if (now >= held.until || socket.destroyed) {
        socket.destroy();
        this.#release(socket);
      } else if (held.at < held.refusal.length && socket.writableLength === 0) {
        socket.write(held.refusal.subarray(held.at, ++held.at));
      }
    }
  }

  /** Closes every connection. */
  close(): void {
    for (const socket of this.#held.keys()) socket.destroy();
    this.#held.clear();
    this.#stop();
  }

  #release(socket: Socket): void {
    this.#held.delete(socket);
    if (this.#held.size === 0) this.#stop();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
