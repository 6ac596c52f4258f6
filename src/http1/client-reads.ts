/**
 * Reads a client's connection past its stream. Node reads what it dials into memory of the program's own (`onread` of
 * node:net), and has no such option for what it accepts: each read there is 64 KiB of fresh memory and a stream's work besides,
 * which together took a tenth of the time of a forwarded request. So the way of `onread` is taken by the names that node:net
 * itself uses for it. Where a Node has others, and with TLS, bytes are caught as they are pushed into the stream.
 */
import { Socket } from 'node:net';
import { ReadMemory } from '../forward/read-memory.ts';

export interface ReadTarget {
  /** @param bytes there until it returns; `keep` what is to last. @returns false to read no more until `resume` */
  onBytes(bytes: Buffer): boolean;
  onEnd(): void;
}

/** Where node:net keeps an `onread` option; null where this Node has no such places. */
const places = findPlaces();

export class ClientReads {
  readonly #socket: Socket & { [place: symbol]: unknown };
  readonly #target: ReadTarget;
  readonly #push: (bytes: Buffer | null) => boolean;
  readonly #memory: ReadMemory | null = null;

  constructor(socket: Socket, target: ReadTarget) {
    this.#socket = socket as Socket & { [place: symbol]: unknown };
    this.#target = target;
    const push = (bytes: Buffer | null): boolean => {
      if (bytes !== null) return target.onBytes(bytes);
      target.onEnd();
      return false;
    };
    this.#push = push;
    const handle = handleOf(socket);
    if (places !== null && handle?.useUserBuffer !== undefined && !('encrypted' in socket)) {
      const memory = new ReadMemory(false);
      this.#memory = memory;
      this.#socket[places.buffer] = memory.next;
      this.#socket[places.next] = () => memory.next;
      this.#socket[places.callback] = (length: number, bytes: Uint8Array) =>
        target.onBytes((bytes as Buffer).subarray(0, length));
      handle.useUserBuffer(memory.next);
    }
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
    if (this.#memory !== null)
      socket[places!.callback] = (length: number, bytes: Uint8Array) =>
        socket.push(Buffer.from((bytes as Buffer).subarray(0, length)));
    socket._read(0);
  }
}

interface Handle {
  useUserBuffer?(memory: Uint8Array): void;
}

const handleOf = (socket: Socket): Handle | null => (socket as Socket & { _handle?: Handle })._handle ?? null;

function findPlaces(): { buffer: symbol; callback: symbol; next: symbol } | null {
  const socket = new Socket({ onread: { buffer: Buffer.alloc(1), callback: () => true } });
  const place = (name: string) =>
    Object.getOwnPropertySymbols(socket).find((one) => one.description === name);
  const [buffer, callback, next] = [place('kBuffer'), place('kBufferCb'), place('kBufferGen')];
  socket.destroy();
  return buffer === undefined || callback === undefined || next === undefined
    ? null
    : { buffer, callback, next };
}

/** Whether accepted connections are read into memory of ours. */
export const readsInPlace = places !== null;
