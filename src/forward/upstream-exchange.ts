/** What a connection to a backend is asked to carry, and whom it tells of the answer. */
import type { EventEmitter } from 'node:events';
import type { ResponseHead } from '../wire/response-head.ts';
import type { UpstreamError } from './upstream-error.ts';

/** How the body of a request is framed towards the backend. */
export type RequestBody = 'none' | 'length' | 'chunked';

/** What is sent first of an exchange. */
export interface UpstreamRequest {
  readonly method: string;
  readonly framing: RequestBody;
  /** `forwardedHead`, latin1; a short body may stand behind it. */
  readonly head: string;
  /** What is there of the body, framed as it goes out; null where nothing is, or none comes. */
  readonly body: Buffer | null;
  /** Nothing more of the body comes. */
  readonly ended: boolean;
  /** A WebSocket handshake: a 101 is an answer to it. */
  readonly upgrade: boolean;
}

/** Takes the response of one exchange. */
export interface ResponseSink {
  /** The connection of the client; null: nobody's. */
  readonly client: EventEmitter | null;
  /** What there was of the request is on its way over an established connection; maybe called within `send`. */
  onReady(): void;
  /** A 1xx before the response proper. */
  onInformation(head: ResponseHead): void;
  /**
   * The head. Where the whole body came along with it, `whole` is that body (latin1) and `onEnd` is not called: what fits
   * one packet is then answered in one write, of a text, which is joined to the head more cheaply than bytes are.
   */
  onHead(head: ResponseHead, whole: string | null): void;
  /** A 101: from now on `onData`, `onEnd` and `write` carry bytes of the new protocol. */
  onUpgrade(head: ResponseHead): void;
  onData(data: Buffer): void;
  /** @param trailers name, value, name, value … */
  onEnd(trailers: readonly string[]): void;
  /** Nothing comes after this. */
  onFailure(error: UpstreamError): void;
  /** The backend takes more of the request body. */
  onDrain(): void;
}

/** Limits in milliseconds. */
export interface UpstreamTimeouts {
  readonly connect: number;
  /** From the request sent to the head of the response. */
  readonly headers: number;
  /** Between two pieces of the response body. */
  readonly body: number;
}

/** Milliseconds, moved on by the pool a few times a second. */
export interface Clock {
  readonly now: number;
}
