/**
 * Reads a client's connection past its stream, which together with fresh memory for each read took a tenth of the time of a
 * forwarded request. Where a Node can't, and with TLS, bytes are caught as they are pushed into the stream.
 */
import type { Socket } from 'node:net';
import { ReadMemory } from '../forward/read-memory.ts';
import { readByStream, readInPlace } from '../listener/read-in-place.ts';

export interface ReadTarget {
  /** @param bytes there until it returns; `keep` what is to last. @returns false to read no more until `resume` */
  onBytes(bytes: Buffer): boolean;
  onEnd(): void;
}

export class ClientReads {
  readonly #socket: Socket;
  readonly #target: ReadTarget;
  readonly #push: (bytes: Buffer | null) => boolean;
  readonly #memory: ReadMemory | null = null;

  constructor(socket: Socket, target: ReadTarget) {
    this.#socket = socket;
    this.#target = target;
    const push = (bytes: Buffer | null): boolean => {
      if (bytes !== null) return target.onBytes(bytes);
      target.onEnd();
      return false;
    };
    this.#push = push;
    const memory = new ReadMemory(false);
    if (
      readInPlace(
        socket,
        () => memory.next,
        (bytes) => target.onBytes(bytes),
      )
    )
      this.#memory = memory;
  }

  /** Begins to read. */
  start(): void {
    const socket = this.#socket;
    // What was read of it already, by whoever took a PROXY header off.
    const early: Buffer | null = socket.readableLength > 0 ? socket.read() : null;
    socket.push = this.#push;
    if (early === null || this.#target.onBytes(early)) socket._read(0);
  }

  /** A piece of what was read, to outlast the read. */
  keep(piece: Buffer): Buffer {
    return this.#memory === null ? piece : this.#memory.keep(piece);
  }

  /** A long body is over: its memory need not be kept. */
  reset(): void {
    this.#memory?.reset();
  }

  resume(): void {
    this.#socket._read(0);
  }

  /** The stream gets what comes from now on. */
  release(): void {
    const socket = this.#socket;
    delete (socket as Partial<Socket>).push;
    if (this.#memory !== null) readByStream(socket);
    socket._read(0);
  }
}
