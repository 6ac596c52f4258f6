import { rememberedStreams } from '../h2/bounds.ts';
import { errorCodes, type Fault, inConnection, inStream } from '../wire/h2-faults.ts';

/** How a stream ended. */
export const ends = {
  /** Both sides have said all they had to. */
  whole: 1,
  /** The client has reset it. */
  byClient: 2,
  /** It was reset here: what the client sent before it knew is ignored (RFC 9113 section 5.1). */
  byUs: 3,
} as const;

/** The streams of a connection that ended last. */
export class ClosedStreams {
  readonly #ids = new Int32Array(rememberedStreams);
  readonly #ends = new Uint8Array(rememberedStreams);
  #next = 0;

  add(stream: number, end: number): void {
    this.#ids[this.#next] = stream;
    this.#ends[this.#next] = end;
    this.#next = (this.#next + 1) % rememberedStreams;
  }

  /** How it ended; 0 where it is not known (any more). */
  endOf(stream: number): number {
    const at = this.#ids.indexOf(stream);
    return at === -1 ? 0 : this.#ends[at]!;
  }

  /** What a frame on such a stream is (RFC 9113 section 5.1); null: it was on its way, and is ignored. */
  faultOf(stream: number, frame: 'DATA' | 'HEADERS'): Fault | null {
    switch (this.endOf(stream)) {
      case ends.byUs:
        return null;
      case ends.byClient:
        return inStream(errorCodes.streamClosed, `${frame} behind a RST_STREAM`);
      case ends.whole:
        return inConnection(errorCodes.streamClosed, `${frame} on a closed stream`);
    }
    return frame === 'HEADERS'
      ? inConnection(errorCodes.protocolError, 'a stream of a lower number than the one before')
      : inConnection(errorCodes.streamClosed, 'DATA on a closed stream');
  }
}
