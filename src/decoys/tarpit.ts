/**
 * Holds senders up: each gets its refusal a byte a second. One timer serves them all, and a held connection keeps no
 * bytes of its own: the refusals are shared.
 */
import type { Socket } from 'node:net';
import type { TarpitOptions } from './options.ts';

interface Held {
  readonly refusal: Buffer;
  at: number;
  readonly until: number;
  /** Bytes that it went on to send. */
  more: number;
}

/** Bytes that a held sender may go on to send. More is a flood, and costs us more to hold than it costs the sender. */
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

  /** Takes a connection over; false where the tarpit is full. */
  hold(socket: Socket, refusal: Buffer): boolean {
    if (this.#held.size >= this.#options.connections) return false;
    const held = { refusal, at: 0, until: this.#now() + this.#options.time, more: 0 };
    this.#held.set(socket, held);
    socket.once('close', () => this.#release(socket));
    // Read and thrown away: a paused stream keeps the 64 KiB that it had read ahead, ten thousand times over.
    socket.on('data', (chunk: Buffer) => {
      held.more += chunk.length;
      if (held.more > mostSent) socket.destroy();
    });
    socket.resume();
    this.#timer ??= setInterval(() => this.tick(), 1000);
    return true;
  }

  /** A second has passed: a byte for everybody. */
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
