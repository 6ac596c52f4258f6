/** What is asked of whatever carries a request to a backend, a connection of HTTP/1 or a stream of HTTP/2, and whom it tells of the answer. */
import type { EventEmitter } from 'node:events';
import type { ResponseHead } from '../wire/response-head.ts';
import type { UpstreamError } from './upstream-error.ts';

/** How the body of a request is framed towards the backend. */
export type RequestBody = 'none' | 'length' | 'chunked';

/** What is sent first of an exchange. */
export interface UpstreamRequest {
  readonly method: string;
  readonly framing: RequestBody;
  /** `forwardedHead`, latin1. */
  readonly head: string;
  /** What is there of the body, as bytes or latin1; null where it has none. */
  readonly body: Buffer | string | null;
  /** Of a whole body: name, value, name, value …, those that may be passed on. */
  readonly trailers: readonly string[];
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

/** Carries one request and its answer. */
export interface Exchange {
  /** Sends a request; what is not there of its body follows through `write` and `finish`. */
  send(request: UpstreamRequest, sink: ResponseSink): void;
  /**
   * More of the request body, or of an upgraded protocol.
   *
   * @returns false where the caller should wait for `onDrain`
   */
  write(data: Buffer): boolean;
  /** The request body is complete. @param trailers that may be passed on: name, value, name, value … */
  finish(trailers: readonly string[]): void;
  /** Of an upgraded connection: nothing more is written. */
  end(): void;
  /** The client takes nothing more for now; it may do so as long as a body may stand still. */
  pause(): void;
  resume(): void;
  /** The connection below is this client's alone from now on, and ends with it: `connection-login.ts`. */
  belongTo(client: EventEmitter | null): void;
  /** Ends it without a word to anybody: the client is gone. */
  destroy(): void;
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
