/** One HTTP/1 request, from its judged head to the end of its answer. */
import type { Socket } from 'node:net';
import type { Attempt, ClientSide } from '../forward/attempt.ts';
import type { BackendGroup } from '../forward/backend-group.ts';
import { failureAnswer } from '../forward/failure-answer.ts';
import { informationText, ownText, responseText } from '../forward/response-text.ts';
import type { Outcome } from '../forward/served.ts';
import { lastChunk } from '../forward/trailers.ts';
import { carryUpgrade, type Tunnel } from '../forward/tunnel.ts';
import type { UpstreamError } from '../forward/upstream-error.ts';
import type { Judged } from '../guard/checkpoint.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import type { Http1Connection } from './connection.ts';
import { IncomingBody } from './incoming-body.ts';
import type { ReadRequest, RequestReader } from './request-reader.ts';
import type { Instead } from './server.ts';

export class Http1Exchange implements ClientSide {
  readonly #connection: Http1Connection;
  readonly #socket: Socket;
  readonly #request: ReadRequest;
  readonly #judged: Judged;
  /** When it arrived, `performance.now`. */
  readonly #start: number;
  /** Null: the request has none, or it arrived with the head. */
  #body: IncomingBody | null = null;
  #attempt: Attempt | null = null;
  /** The backend has the request so far. */
  #ready = false;
  #status = 0;
  /** Bytes of the answer's body. */
  #sent = 0;
  #headSent = false;
  #chunked = false;
  /** The client reads nothing more for now. */
  #slow = false;
  #tunnel: Tunnel | null = null;
  /** It is over and `onServed` was called. */
  #reported = false;

  constructor(connection: Http1Connection, request: ReadRequest, judged: Judged, start: number) {
    this.#connection = connection;
    this.#socket = connection.connection;
    this.#request = request;
    this.#judged = judged;
    this.#start = start;
  }

  get connection(): Socket {
    return this.#socket;
  }

  /** The next bytes belong to its body. */
  get takesBody(): boolean {
    return this.#body !== null && !this.#body.done;
  }

  /**
   * Serves it.
   *
   * @param bytes begin with its head; valid until it returns
   * @param rest of them, after the head
   */
  begin(bytes: Buffer, rest: Buffer, reader: RequestReader): void {
    const connection = this.#connection;
    const request = this.#request;
    const { expect, contentLength } = request;
    if (expect !== undefined && expect !== '' && expect !== '100-continue') {
      connection.last = true;
      this.#answer(417, 'Expectation Failed', [], '');
      return;
    }
    const instead =
      connection.server.instead?.(this.#judged) ?? (contentLength > this.#maxBody ? tooLarge : null);
    if (instead !== null) {
      this.#answerWithout(rest, instead);
      return;
    }
    if (contentLength === 0) {
      if (rest.length > 0) connection.hold(rest);
      this.#send(null);
      return;
    }
    const along = reader.bodyAlong(request, bytes.length);
    if (along === null) this.#beginBody(rest);
    else if (along.content.length > this.#maxBody) this.#answerWithout(nothing, tooLarge);
    else {
      if (along.end < bytes.length) connection.hold(bytes.subarray(along.end));
      this.#send(along.content);
    }
  }

  /** @param bytes valid until it returns */
  takeBody(bytes: Buffer): void {
    const connection = this.#connection;
    const { now, limits } = connection.server;
    const body = this.#body!;
    const consumed = body.take(bytes, this.#onPiece, now);
    if (body.error !== null) {
      this.#refuseBody(body.error, bytes, consumed);
      return;
    }
    if (body.received > this.#maxBody) {
      this.#refuseLongBody();
      return;
    }
    if (consumed < bytes.length) connection.hold(bytes.subarray(consumed));
    if (this.#attempt === null) {
      if (body.done || body.kept > limits.bufferedBody) this.#send(null);
    } else if (!this.#ready) connection.readNoMore();
    else if (body.done) this.#attempt.finish(body.trailers);
  }

  /** Cuts off a body that stalls or trickles: it occupies a backend connection that other requests wait for. */
  checkBody(now: number, reading: boolean): void {
    if (this.#body?.isTooSlow(now, reading, this.#connection.server.limits) !== true) return;
    this.#attempt?.cancel();
    this.#attempt = null;
    if (this.#headSent) this.#socket.destroy();
    else this.#answer(408, 'Request Timeout', [], '');
  }

  /** The client reads again. */
  onRoom(): void {
    if (!this.#slow) return;
    this.#slow = false;
    this.#attempt?.resume();
  }

  /** The connection is closed. */
  onGone(): void {
    this.#attempt?.cancel();
    if (this.#tunnel !== null) this.#report(101, 'upgraded');
    else this.#report(this.#headSent ? this.#status : 499, this.#headSent ? 'cut' : 'aborted');
  }

  onReady(): void {
    const attempt = this.#attempt!;
    const body = this.#body;
    this.#ready = true;
    if (body === null) return;
    let more = true;
    for (const piece of body.release()) more = attempt.write(piece);
    if (!body.handedOverWhole && body.done) attempt.finish(body.trailers);
    if (more) this.#connection.readOn();
  }

  onDrain(): void {
    if (this.#tunnel !== null) this.#tunnel.onDrain();
    else this.#connection.readOn();
  }

  onInformation(head: ResponseHead): void {
    // RFC 9110 section 15.2: none for HTTP/1.0 clients.
    if (this.#request.version !== '1.0') this.#socket.write(informationText(head), 'latin1');
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const { framing } = head;
    const old = this.#request.version === '1.0';
    this.#headSent = true;
    this.#status = head.status;
    const unbounded = framing === 'chunked' || framing === 'close';
    this.#chunked = unbounded && !old;
    // The end of the connection ends the body (RFC 9112 section 6.3). After an early answer the rest of the request body
    // still arrives, and nobody reads it.
    if ((unbounded && old) || this.takesBody) this.#connection.last = true;
    const more = this.#chunked
      ? `Transfer-Encoding: chunked\r\n${this.#connectionLine()}`
      : this.#connectionLine();
    const text = responseText(head, more);
    if (whole !== null) {
      this.#sent = whole.length;
      this.#socket.write(text + whole, 'latin1');
      this.#done('answered');
      return;
    }
    // Body bytes of the same packet are joined to this write.
    this.#socket.cork();
    process.nextTick(uncork, this.#socket);
    this.#socket.write(text, 'latin1');
  }

  onUpgrade(head: ResponseHead): void {
    this.#status = 101;
    const early = this.#connection.handOver();
    const { limits } = this.#connection.server;
    this.#tunnel = carryUpgrade(this.#socket, early, this.#attempt!, head, limits.upgradeIdle);
  }

  onData(data: Buffer): void {
    this.#sent += data.length;
    if (this.#tunnel !== null) {
      this.#tunnel.onData(data);
      return;
    }
    const socket = this.#socket;
    if (this.#chunked) {
      socket.cork();
      socket.write(`${data.length.toString(16)}\r\n`, 'latin1');
      socket.write(data);
      socket.write('\r\n', 'latin1');
      socket.uncork();
    } else socket.write(data);
    if (!socket.writableNeedDrain || this.#slow) return;
    this.#slow = true;
    this.#attempt?.pause();
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#tunnel !== null) {
      this.#tunnel.onEnd();
      return;
    }
    if (this.#chunked) this.#socket.write(lastChunk(trailers), 'latin1');
    this.#done('answered');
  }

  onFailure(error: UpstreamError): void {
    if (this.#tunnel !== null) this.#tunnel.destroy();
    else if (this.#headSent) {
      // A cut response must not look complete. In HTTP/1.0 the end of the connection may end it: only a reset shows the cut.
      this.#report(this.#status, 'cut');
      if (this.#request.version === '1.0') this.#socket.resetAndDestroy();
      else this.#socket.destroy();
    } else {
      const { reason, headers, text } = failureAnswer(error.status);
      this.#answer(error.status, reason, headers, text);
    }
  }

  get #maxBody(): number {
    return this.#judged.verdict.site!.maxBody ?? Number.POSITIVE_INFINITY;
  }

  #beginBody(rest: Buffer): void {
    const { contentLength, expect } = this.#request;
    const { now, limits } = this.#connection.server;
    this.#body = new IncomingBody(contentLength, limits.bufferedBody, now);
    if (expect === '100-continue') this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    if (rest.length > 0) this.takeBody(rest);
  }

  readonly #onPiece = (data: Buffer): void => {
    const connection = this.#connection;
    if (!this.#ready) this.#body!.keep(data, connection.reads);
    else if (this.#attempt?.write(connection.reads.keep(data)) === false) connection.readNoMore();
  };

  /** A malformed body (RFC 9112 section 7.1): a more lenient reader could find another request in it (smuggling). */
  #refuseBody(why: string, bytes: Buffer, at: number): void {
    const { checkpoint } = this.#connection.server;
    this.#attempt?.cancel();
    const judged = checkpoint.judgeRead({ ...this.#request, defects: [{ why, at }] }, this.#socket);
    const { verdict } = judged;
    this.#report(typeof verdict.answer === 'number' ? verdict.answer : 400, 'refused');
    this.#attempt = null;
    this.#connection.release();
    const refused = this.#headSent ? { ...judged, verdict: { ...verdict, answer: 'drop' as const } } : judged;
    checkpoint.refuseRead(this.#socket, refused, bytes, false);
  }

  /** A chunked body has no announced length: what the backend already got of it is cut off there. */
  #refuseLongBody(): void {
    this.#attempt?.cancel();
    this.#attempt = null;
    this.#connection.last = true;
    if (this.#headSent) this.#socket.destroy();
    else this.#answer(tooLarge.status, tooLarge.reason, tooLarge.headers, tooLarge.text);
  }

  /** Answers without reading the body. Does not close at once, so that a client still sending gets to read the answer. */
  #answerWithout(rest: Buffer, { status, reason, headers, text }: Instead): void {
    const { contentLength } = this.#request;
    if (contentLength !== 0) this.#body = new IncomingBody(contentLength, 0, this.#connection.server.now);
    else if (rest.length > 0) this.#connection.hold(rest);
    this.#answer(status, reason, headers, text);
  }

  /**
   * Forwards the request with its whole body, or with as much as is buffered of a longer one.
   *
   * @param along the whole body, where it arrived with the head
   */
  #send(along: string | null): void {
    const group = this.#connection.server.forwarder.groupFor(this.#judged);
    if (group === null) this.#answerOurselves();
    else {
      this.#attempt = this.#attemptOf(group, along);
      this.#attempt.start();
    }
  }

  #attemptOf(group: BackendGroup, along: string | null): Attempt {
    const judged = this.#judged;
    const body = this.#body;
    // A handshake has no body. Bytes after one that is not answered with 101 are not a request: they may be WebSocket frames.
    const upgrade = judged.verdict.upgrade && body === null && along === null;
    if (upgrade) this.#connection.last = true;
    const alongWhole =
      along === null ? null : { content: along, whole: true, length: along.length, trailers: none };
    const incoming = body === null ? alongWhole : body.handOver();
    const { server, secure } = this.#connection;
    return server.forwarder.attempt(group, judged, secure, incoming, upgrade, this);
  }

  #answerOurselves(): void {
    this.#connection.server.answer(this.#judged).then(
      ({ status, reason, headers, body }) => {
        if (this.#reported) return;
        if (this.takesBody) this.#connection.last = true;
        this.#socket.write(ownText(status, reason, headers, this.#connectionLine()), 'latin1');
        if (this.#judged.request.method !== 'HEAD') {
          this.#socket.write(body);
          this.#sent = Buffer.byteLength(body);
        }
        this.#status = status;
        this.#done('answered');
      },
      () => this.#reported || this.#answer(500, 'Internal Server Error', [], ''),
    );
  }

  #connectionLine(): string {
    if (this.#connection.last) return 'Connection: close\r\n';
    return this.#request.keepAlive ? 'Connection: keep-alive\r\n' : '';
  }

  /** Answers for the backend. */
  #answer(status: number, reason: string, headers: readonly string[], text: string): void {
    if (this.takesBody) this.#connection.last = true;
    const framed = headers.length > 0 ? headers : ['Content-Length', '0'];
    const head = ownText(status, reason, framed, this.#connectionLine());
    const shown = this.#request.method === 'HEAD' ? '' : text;
    this.#socket.write(head + shown, 'latin1');
    this.#sent = shown.length;
    this.#status = status;
    this.#done('answered');
  }

  #report(status: number, outcome: Outcome): void {
    if (this.#reported) return;
    this.#reported = true;
    const { onServed } = this.#connection.server;
    if (onServed === null) return;
    const backend = this.#attempt?.backend ?? null;
    onServed({ judged: this.#judged, status, outcome, sent: this.#sent, start: this.#start, backend });
  }

  /** The answer is written. */
  #done(outcome: Outcome): void {
    this.#report(this.#status, outcome);
    this.#attempt = null;
    this.#connection.onAnswered(this.#body);
  }
}

/** RFC 9110 section 15.5.14. */
const tooLarge: Instead = { status: 413, reason: 'Content Too Large', headers: [], text: '' };
const uncork = (socket: Socket): void => socket.uncork();
const nothing = Buffer.alloc(0);
const none: readonly string[] = [];
