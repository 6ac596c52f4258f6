/** One request on its way to a backend and the response on its way back. */
import type { EventEmitter } from 'node:events';
import { constants } from 'node:http2';
import type { Writable } from 'node:stream';
import type { Counters } from '../events/counters.ts';
import { isHttp2, type Request, type Response } from '../guard/received.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import type { Backend, BackendGroup } from './backend-group.ts';
import { logsConnectionIn } from './connection-login.ts';
import { failureAnswer } from './failure-answer.ts';
import { idempotent } from './idempotent.ts';
import type { Waiter } from './pool.ts';
import { addTrailers, dropTrailerField, offerWhatPasses, writeHead, writeInformation } from './respond.ts';
import { allowedTrailers, lastChunk } from './trailers.ts';
import type { ResponseSink, UpstreamConnection } from './upstream-connection.ts';
import { UpstreamError, type UpstreamStatus } from './upstream-error.ts';

/** How the body of a request is framed. */
export type RequestBody = 'none' | 'length' | 'chunked';

export interface Outgoing {
  readonly req: Request;
  readonly res: Response;
  readonly method: string;
  /** The head for the backend, `forwardedHead`. */
  readonly head: string;
  readonly body: RequestBody;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** The backends of the site. */
  readonly group: BackendGroup;
  /** Told of every failure of a backend; the client is answered already. */
  readonly onFailure: (error: UpstreamError) => void;
  /** Count how long backends take to answer. */
  readonly counters?: Counters | undefined;
}

export class Exchange implements ResponseSink, Waiter {
  readonly #out: Outgoing;
  /** The one that has the request now. */
  #backend: Backend | null = null;
  #connection: UpstreamConnection | null = null;
  #ended = false;
  #retried = false;
  #pumping = false;
  readonly #start = performance.now();
  /** The client takes nothing more for now. */
  #held = false;

  constructor(out: Outgoing) {
    this.#out = out;
  }

  start(): void {
    const { req, body } = this.#out;
    this.#carrier.on('close', this.#onClientGone);
    // The bytes that came with the head may hold a malformed chunk, which the parser tells of next: then nobody is
    // dialled for it.
    if (body !== 'chunked' || isHttp2(req)) this.#take(null);
    else setImmediate(() => this.#ended || !req.socket.writable || this.#take(null));
  }

  get client(): EventEmitter | null {
    const { req } = this.#out;
    return isHttp2(req) ? (req.stream.session ?? null) : req.socket;
  }

  /** What closes when the client goes away. A response of HTTP/2 does not, where it answers HEAD. */
  get #carrier(): EventEmitter {
    const { req, res } = this.#out;
    return isHttp2(req) ? req.stream : res;
  }

  #take(not: Backend | null): void {
    try {
      this.#backend = this.#out.group.pick(not, this.client);
      this.#backend.pool.take(this);
    } catch (error) {
      // Settings that the platform refuses (of TLS, say) show at the first dial: that is an answer, not a crash.
      this.#giveUp(502);
      this.#out.onFailure(new UpstreamError(502, `cannot dial: ${String(error)}`, 'unsent', error));
    }
  }

  onConnection(connection: UpstreamConnection): void {
    if (this.#ended) {
      connection.destroy();
      return;
    }
    const { req, method, head, body } = this.#out;
    this.#connection = connection;
    if (logsConnectionIn(req.rawHeaders)) connection.belongTo(this.client);
    connection.send(head, method, body === 'none', this);
  }

  /** Until here nothing of the body was read, so that a backend that accepts no connection loses nothing. */
  onReady(): void {
    const { req, res, body, expectsContinue } = this.#out;
    if (body === 'none') return;
    this.#pumping = true;
    if (expectsContinue && !this.#written(() => writeInformation(res, 100, []))) return;
    req.on('data', this.#onRequestData);
    req.on('end', this.#onRequestEnd);
    req.on('error', ignore);
  }

  onInformation(head: ResponseHead): void {
    const { req, res } = this.#out;
    // RFC 9110 section 15.2: none to an HTTP/1.0 client. 100 has been said here already.
    if (head.status === 100 || req.httpVersion === '1.0' || res.headersSent) return;
    this.#written(() => writeInformation(res, head.status, head.rawHeaders));
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const { req, res, method, counters } = this.#out;
    if (this.#backend !== null) this.#out.group.succeeded(this.#backend, head.status);
    counters?.backend(this.#backend!.pool.name).observe((performance.now() - this.#start) / 1000);
    if (method === 'OPTIONS' || head.status === 405) offerWhatPasses(head.rawHeaders);
    if (head.framing !== 'chunked' || req.httpVersion === '1.0') dropTrailerField(head.rawHeaders);
    this.#written(() => {
      // RFC 9110 section 15.3.6. Node's HTTP/2 ends the stream behind such a head and resets it at the first byte.
      if (head.status === 205 && head.framing !== 'none' && isHttp2(req))
        throw new TypeError('a 205 with content');
      writeHead(res, head.status, head.reason, head.rawHeaders);
      if (whole === null) return;
      this.#end();
      if (whole === '') res.end();
      else res.end(whole, 'latin1');
    });
  }

  onData(data: Buffer): void {
    const { res } = this.#out;
    let more = false;
    if (!this.#written(() => (more = (res as Writable).write(data)))) return;
    if (more || this.#connection === null || this.#held) return;
    // One packet of a backend may hold many chunks, each of which finds the client busy.
    this.#held = true;
    this.#connection.pause();
    res.once('drain', this.#onClientDrain);
  }

  onEnd(trailers: readonly string[]): void {
    const { res } = this.#out;
    this.#written(() => {
      if (trailers.length > 0) addTrailers(res, allowedTrailers(trailers));
      res.end();
    });
    this.#end();
  }

  onFailure(error: UpstreamError): void {
    const { method, group, onFailure } = this.#out;
    const backend = this.#backend!;
    this.#connection = null;
    if (this.#ended) return;
    if (error.status !== 503 && !error.byClient) group.failed(backend, error.message);
    const resendable = error.unsent || (error.retryable && idempotent.has(method));
    if (resendable && !this.#pumping && !this.#retried) {
      this.#retried = true;
      // The same one again where its only fault was to close an idle connection.
      this.#take(error.unsent ? backend : null);
      return;
    }
    this.#giveUp(error.status);
    onFailure(error);
  }

  onDrain(): void {
    this.#out.req.resume();
  }

  /**
   * Writes to the client. What the writing side refuses (Node's takes less than HTTP has) would be thrown through the
   * connection to the backend and end the process: it ends this exchange instead.
   *
   * @returns false where it was refused, or the client is gone
   */
  #written(write: () => void): boolean {
    try {
      write();
      return true;
    } catch (error) {
      const { req, onFailure } = this.#out;
      if (isHttp2(req) && req.stream.closed) {
        this.#onClientGone();
        return false;
      }
      const name = this.#backend?.pool.name;
      this.#giveUp(502);
      const why = error instanceof Error ? error.message : String(error);
      onFailure(
        new UpstreamError(502, `${name} answered with what cannot be passed on: ${why}`, 'sent', error),
      );
      return false;
    }
  }

  /** Answers for the backend, or breaks off a response that has begun: a cut one must not look whole. */
  #giveUp(status: UpstreamStatus): void {
    const { req, res } = this.#out;
    this.#end();
    this.#connection?.destroy();
    this.#connection = null;
    if (res.headersSent) {
      // HTTP/1.0 knows the end of such a body by the end of the connection: only a reset tells a cut from an end.
      if (req.httpVersion === '1.0') req.socket.resetAndDestroy();
      // RFC 9113 section 8.1: an end without an error would say that this was all of it.
      if (isHttp2(req)) req.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else res.destroy();
      return;
    }
    const { reason, headers, text } = failureAnswer(status);
    if (!req.complete && !isHttp2(req)) headers.push('Connection', 'close');
    try {
      writeHead(res, status, reason, headers);
      res.end(text, 'latin1');
    } catch {
      // An application may have set on the response what cannot be sent.
      res.destroy();
    }
    req.resume();
  }

  #end(): void {
    this.#ended = true;
    const { req, res, body } = this.#out;
    this.#carrier.off('close', this.#onClientGone);
    res.off('drain', this.#onClientDrain);
    if (body === 'none') return;
    req.off('data', this.#onRequestData);
    req.off('end', this.#onRequestEnd);
    if (!req.complete) req.resume();
  }

  readonly #onClientGone = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#backend?.pool.leave(this);
    this.#connection?.destroy();
    this.#connection = null;
  };

  readonly #onClientDrain = (): void => {
    this.#held = false;
    this.#connection?.resume();
  };

  readonly #onRequestData = (data: Buffer): void => {
    const connection = this.#connection;
    if (connection === null) return;
    const { req, body } = this.#out;
    if (body === 'chunked') {
      connection.write(`${data.length.toString(16)}\r\n`);
      connection.write(data);
      if (!connection.write('\r\n')) req.pause();
    } else if (!connection.write(data)) req.pause();
  };

  readonly #onRequestEnd = (): void => {
    const connection = this.#connection;
    if (connection === null) return;
    const { req, body } = this.#out;
    if (body === 'chunked') {
      connection.write(lastChunk(allowedTrailers(req.rawTrailers)));
    }
    connection.finish();
  };
}

const ignore = (): void => {};
