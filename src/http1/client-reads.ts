/**
 * Reads a client's connection past its stream: the stream and fresh memory for each read would cost a tenth of the time of a
 * forwarded request. With TLS, or where Node does not allow it, bytes are caught as they are pushed into the stream.
 */
import type { Socket } from 'node:net';
import { ReadMemory } from '../forward/read-memory.ts';
import { readByStream, readInPlace } from '../listener/read-in-place.ts';

export interface ReadTarget {
  /** @param bytes valid until it returns; `keep` what must last. @returns false: pause until `resume` */
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

  start(): void {
    const socket = this.#socket;
    // Bytes that were read together with a PROXY header.
    const early: Buffer | null = socket.readableLength > 0 ? socket.read() : null;
    socket.push = this.#push;
    if (early === null || this.#target.onBytes(early)) socket._read(0);
  }

  /** A piece that outlasts the read. */
  keep(piece: Buffer): Buffer {
    return this.#memory === null ? piece : this.#memory.keep(piece);
  }

  /** A body is complete: releases the memory of a long one. */
  reset(): void {
    this.#memory?.reset();
  }

  resume(): void {
    this.#socket._read(0);
  }

  /** Returns the connection to its stream. */
  release(): void {
    const socket = this.#socket;
    delete (socket as Partial<Socket>).push;
    if (this.#memory !== null) readByStream(socket);
    socket._read(0);
  }
}
