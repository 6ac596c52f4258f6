import { rememberedStreams } from '../h2/bounds.ts';
import { errorCodes, type Fault, inConnection, inStream } from '../wire/h2-faults.ts';

/** How a stream ended. */
export const ends = {
  /** Both sides ended it. */
  whole: 1,
  /** The client reset it. */
  byClient: 2,
  /** We reset it: frames that the client sent before it knew are ignored (RFC 9113 section 5.1). */
  byUs: 3,
} as const;

/** The most recently closed streams of a connection. */
export class ClosedStreams {
  readonly #ids = new Int32Array(rememberedStreams);
  readonly #ends = new Uint8Array(rememberedStreams);
  #next = 0;

  add(stream: number, end: number): void {
    this.#ids[this.#next] = stream;
    this.#ends[this.#next] = end;
    this.#next = (this.#next + 1) % rememberedStreams;
  }

  /** How it ended; 0: unknown or forgotten. */
  endOf(stream: number): number {
    const at = this.#ids.indexOf(stream);
    return at === -1 ? 0 : this.#ends[at]!;
  }

  /** The fault of a frame on a closed stream (RFC 9113 section 5.1); null: it was already on its way and is ignored. */
  faultOf(stream: number, frame: 'DATA' | 'HEADERS'): Fault | null {
    switch (this.endOf(stream)) {
      case ends.byUs:
        return null;
      case ends.byClient:
        return inStream(errorCodes.streamClosed, `${frame} after a RST_STREAM`);
      case ends.whole:
        return inConnection(errorCodes.streamClosed, `${frame} on a closed stream`);
    }
    return frame === 'HEADERS'
      ? inConnection(errorCodes.protocolError, 'a stream of a lower number than the one before')
      : inConnection(errorCodes.streamClosed, 'DATA on a closed stream');
  }
}
