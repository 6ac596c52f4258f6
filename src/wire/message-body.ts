/** Reads the body of an HTTP/1 message: by its length, in chunked coding, or until the connection ends. */
import { ChunkedDecoder } from './chunked.ts';

export class MessageBody {
  readonly #decoder: ChunkedDecoder | null;
  #left: number;
  /** Bytes of content read so far. */
  received = 0;

  /**
   * @param length in bytes; -1: chunked; infinite: until the connection ends
   * @param padded ignore white space after a chunk size, as proxies do for backends
   */
  constructor(length: number, padded = false) {
    this.#left = length;
    this.#decoder = length === -1 ? new ChunkedDecoder({ padded }) : null;
  }

  get done(): boolean {
    return this.#decoder === null ? this.#left === 0 : this.#decoder.done;
  }

  /** Why reading failed; null if it has not. */
  get error(): string | null {
    return this.#decoder?.error ?? null;
  }

  /** name, value, name, value …; complete once `done`. */
  get trailers(): readonly string[] {
    return this.#decoder?.trailers ?? none;
  }

  /**
   * @param onData gets each run of content, as views into the bytes
   * @returns how many of the bytes belong to the body
   */
  take(bytes: Buffer, onData: (data: Buffer) => void): number {
    const received = (data: Buffer): void => {
      this.received += data.length;
      onData(data);
    };
    if (this.#decoder !== null) return this.#decoder.decode(bytes, received);
    const length = Math.min(this.#left, bytes.length);
    this.#left -= length;
    if (length > 0) received(length === bytes.length ? bytes : bytes.subarray(0, length));
    return length;
  }
}

const none: readonly string[] = [];
