/** One exchange with a backend, over an HTTP/1.1 connection or an HTTP/2 stream: the contract of both. */
import type { EventEmitter } from 'node:events';
import type { ResponseHead } from '../wire/response-head.ts';
import type { UpstreamError } from './upstream-error.ts';

/** How the body of a request is framed towards the backend. */
export type BodyFraming = 'none' | 'length' | 'chunked';

export interface UpstreamRequest {
  readonly method: string;
  readonly framing: BodyFraming;
  /** `forwardedHead`, latin1. */
  readonly head: string;
  /** The body so far, as bytes or latin1; null where the request has none. */
  readonly body: Buffer | string | null;
  /** Of a complete body: name, value, name, value …, only those that may be passed on. */
  readonly trailers: readonly string[];
  /** `body` is complete. */
  readonly ended: boolean;
  /** A WebSocket handshake: it may be answered with 101. */
  readonly upgrade: boolean;
}

/** Receives the response of one exchange. */
export interface ResponseEvents {
  /** The request so far has been written to an established connection; more of its body may follow. Can be called within `send`. */
  onReady(): void;
  /** A 1xx before the final response. */
  onInformation(head: ResponseHead): void;
  /**
   * The head. Where the whole body came with it, `whole` is that body (latin1) and `onEnd` is not called: a response that fits
   * one packet is then written at once, as a text, which is cheaper to join to the head than bytes are.
   */
  onHead(head: ResponseHead, whole: string | null): void;
  /** A 101: from now on `onData`, `onEnd` and `write` carry bytes of the new protocol. */
  onUpgrade(head: ResponseHead): void;
  /** A receiver that can't take more calls `pause` and later `resume`. */
  onData(data: Buffer): void;
  /** @param trailers name, value, name, value … */
  onEnd(trailers: readonly string[]): void;
  /** The last call of a failed exchange. */
  onFailure(error: UpstreamError): void;
  /** The backend takes more of the request body. */
  onDrain(): void;
}

export interface ResponseSink extends ResponseEvents {
  /** The connection of the client; null for an exchange of the gateway itself. */
  readonly client: EventEmitter | null;
}

/** Carries one request and its response. */
export interface Exchange {
  /** Sends a request; the rest of its body follows by `write` and `finish`. */
  send(request: UpstreamRequest, sink: ResponseSink): void;
  /**
   * More of the request body, or of an upgraded protocol.
   *
   * @returns false where the caller should wait for `onDrain`
   */
  write(data: Buffer): boolean;
  /** The request body is complete. @param trailers that may be passed on: name, value, name, value … */
  finish(trailers: readonly string[]): void;
  /** Of an upgraded connection: ends the writing side. */
  end(): void;
  /** The client takes nothing more for now; bounded by `UpstreamTimeouts.body`. */
  pause(): void;
  resume(): void;
  /** The connection serves this client only from now on and closes with it (`connection-login.ts`). */
  belongTo(client: EventEmitter | null): void;
  /** Ends it and reports nothing: the client is gone. */
  destroy(): void;
}

/** Limits in milliseconds. */
export interface UpstreamTimeouts {
  readonly connect: number;
  /** From the end of the request to the head of the response. */
  readonly headers: number;
  /** Between two pieces of the response body. */
  readonly body: number;
}

/** Milliseconds, updated by the pool a few times a second. */
export interface Clock {
  readonly now: number;
}
