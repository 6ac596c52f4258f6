/**
 * One client connection of HTTP/1: reads requests from the socket, in whatever packets they come, has each judged, sends
 * it to a backend, and answers. One request at a time; what comes behind it waits.
 */
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
import { listenerName } from '../guard/received.ts';
import { UnreadAnswer } from '../listener/unread-answer.ts';
import { mayBecomeOther } from '../wire/first-bytes.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { ClientReads } from './client-reads.ts';
import { IncomingBody } from './incoming-body.ts';
import { RequestBody } from './request-body.ts';
import { type ReadRequest, RequestReader } from './request-reader.ts';
import type { Http1Server, Instead } from './server.ts';

/** Bytes that may wait behind a request under way; then nothing more is read until it is answered. */
const maxHeld = 64 * 1024;
/** Milliseconds that a client may go on sending a body that nobody wants any more, to get to read the answer. */
const lingerTime = 5000;

export class Http1Connection implements ClientSide {
  readonly #server: Http1Server;
  readonly #socket: Socket;
  readonly #secure: boolean;
  readonly #reader: RequestReader;
  readonly #reads: ClientReads;
  /** The socket may be read from. */
  #reading = true;
  /** What came and is not read yet. */
  #held: Buffer | null = null;
  /** What came is no HTTP, and too little to tell what else. */
  #unknown = false;

  // Of the request that is being served.
  #judged: Judged | null = null;
  #request: ReadRequest | null = null;
  #body: IncomingBody | null = null;
  #attempt: Attempt | null = null;
  /** The backend has what was there of the request. */
  #ready = false;
  #start = 0;
  #status = 0;
  /** Bytes of the answer's body. */
  #sent = 0;
  #headSent = false;
  #chunked = false;
  /** The client takes nothing more of the answer for now. */
  #slow = false;
  #tunnel: Tunnel | null = null;

  /** The connection ends with the answer under way. */
  #last = false;
  #served = false;
  /** When it began to wait for what it waits for, on the clock of the server. */
  #since: number;
  /** It is closing, and until then at the latest; 0: it is not. */
  #lingersUntil = 0;
  /** What still comes is the rest of a body. */
  #discards = false;
  readonly #unread: UnreadAnswer;

  constructor(server: Http1Server, socket: Socket) {
    this.#server = server;
    this.#socket = socket;
    this.#secure = 'encrypted' in socket;
    this.#reader = new RequestReader(server.limits.headerBytes);
    this.#since = server.now;
    this.#unread = new UnreadAnswer(socket, server.now);
    socket.on('drain', this.#onDrain);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
    this.#reads = new ClientReads(socket, {
      onBytes: (bytes) => {
        this.#onBytes(bytes);
        return this.#reading;
      },
      onEnd: () => this.#onClientEnd(),
    });
    this.#reads.start();
  }

  get connection(): Socket {
    return this.#socket;
  }

  /** Between two requests. */
  get idle(): boolean {
    return this.#judged === null;
  }

  /** Ends it, after the answer under way. */
  close(): void {
    this.#last = true;
    if (this.idle && this.#lingersUntil === 0) this.#finish();
  }

  /** Called every now and then: one timer for all connections instead of one for each. */
  checkDeadline(): void {
    const { now, limits } = this.#server;
    const socket = this.#socket;
    if (this.#tunnel === null && this.#unread.standsStill(now, limits.stall)) {
      socket.destroy();
      return;
    }
    if (this.#lingersUntil !== 0) {
      // A slow reader is not cut off as long as it reads: what is left of the answer has the time that a body has.
      if (this.#unread.bytes > 0) this.#lingersUntil = now + lingerTime;
      else if (now >= this.#lingersUntil) socket.destroy();
    } else if (this.#judged !== null) this.#checkBody(now);
    else if (this.#unknown && now - this.#since >= limits.head) this.#refuseBytes(this.#held ?? nothing);
    else if (this.#served && this.#held === null) {
      if (now - this.#since >= limits.idle) socket.destroySoon();
    } else if (now - this.#since >= limits.head) this.#answer(408, 'Request Timeout', [], '');
  }

  /** A body that stands still, or trickles, holds what others wait for. */
  #checkBody(now: number): void {
    const { limits } = this.#server;
    if (this.#body?.isTooSlow(now, this.#reading, limits) !== true) return;
    this.#attempt?.cancel();
    this.#attempt = null;
    if (this.#headSent) this.#socket.destroy();
    else this.#answer(408, 'Request Timeout', [], '');
  }

  #onBytes(bytes: Buffer): void {
    if (this.#lingersUntil !== 0) {
      // Not served; a probe among it is recorded as the connection closes.
      if (!this.#discards && (this.#held?.length ?? 0) < maxHeld) this.#hold(bytes);
      return;
    }
    // Of who does not take the answers that are there nothing is served: each packet would add one more to what is held for it.
    if (this.#judged === null && !this.#socket.writableNeedDrain) {
      if (this.#held === null && this.#served) this.#since = this.#server.now;
      this.#takeHead(this.#held === null ? bytes : Buffer.concat([this.#held, bytes]));
    } else if (this.#body !== null && !this.#body.done) this.#takeBody(bytes);
    else this.#hold(bytes);
  }

  #hold(bytes: Buffer): void {
    // A socket forgets where it was as it closes, and what waits here may have to be recorded then.
    listenerName(this.#socket);
    this.#held = this.#held === null ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]);
    if (this.#held.length > maxHeld) this.#reading = false;
  }

  #readOn(): void {
    if (this.#reading || this.#socket.destroyed) return;
    this.#reading = true;
    this.#reads.resume();
  }

  #takeHead(bytes: Buffer): void {
    this.#held = null;
    // At the beginning of a connection, before anything is read of it; a later request of the banned ends the connection.
    if (!this.#served && this.#server.checkpoint.turnAway(this.#socket)) {
      this.#letGo();
      return;
    }
    const request = this.#reader.read(bytes);
    if (typeof request === 'string') {
      this.#notRead(request, bytes);
      return;
    }
    const { checkpoint, rateLimits } = this.#server;
    const start = performance.now();
    const judged = checkpoint.judgeRead(request, this.#socket);
    const rest = request.end === bytes.length ? nothing : bytes.subarray(request.end);
    if (judged.verdict.action === 'block') {
      this.#letGo();
      checkpoint.refuseRead(this.#socket, judged, rest, isWhole(request, rest), none);
      return;
    }
    checkpoint.passed(judged, this.#socket, start);
    const excess = rateLimits.hit(judged);
    if (excess !== null) {
      this.#letGo();
      const refused = { ...judged, verdict: excess.verdict };
      checkpoint.refuseRead(this.#socket, refused, rest, isWhole(request, rest), excess.headers);
      return;
    }
    this.#judged = judged;
    this.#request = request;
    this.#start = start;
    this.#last ||= request.close;
    if (request.expect !== undefined && request.expect !== '' && request.expect !== '100-continue') {
      this.#last = true;
      this.#answer(417, 'Expectation Failed', [], '');
      return;
    }
    const instead =
      this.#server.instead?.(judged) ?? (request.contentLength > maxBodyOf(judged) ? tooLarge : null);
    if (instead !== null) {
      this.#answerWithout(request, rest, instead);
      return;
    }
    if (request.contentLength === 0) {
      if (rest.length > 0) this.#hold(rest);
      this.#send(null);
      return;
    }
    const along = this.#reader.bodyAlong(request, bytes.length);
    if (along === null) this.#beginBody(request, rest);
    else if (along.content.length > maxBodyOf(judged)) this.#answerWithout(request, nothing, tooLarge);
    else {
      if (along.end < bytes.length) this.#hold(bytes.subarray(along.end));
      this.#send(along.content);
    }
  }

  #notRead(why: 'more' | 'too long' | 'fault', bytes: Buffer): void {
    if (why === 'more') {
      this.#held = Buffer.from(bytes);
    } else if (why === 'too long') {
      this.#letGo();
      this.#server.checkpoint.refuseLong(this.#socket, bytes);
    } else if (!this.#served && mayBecomeOther(bytes)) {
      this.#held = Buffer.from(bytes);
      this.#unknown = true;
    } else this.#refuseBytes(bytes);
  }

  #refuseBytes(bytes: Buffer): void {
    this.#letGo();
    this.#server.checkpoint.refuseBytes(this.#socket, bytes, !this.#served);
  }

  #beginBody(request: ReadRequest, rest: Buffer): void {
    const { now, limits } = this.#server;
    this.#body = new IncomingBody(request.contentLength, limits.bufferedBody, now);
    if (request.expect === '100-continue') this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    if (rest.length > 0) this.#takeBody(rest);
  }

  #takeBody(bytes: Buffer): void {
    const body = this.#body!;
    const consumed = body.take(bytes, this.#onPiece, this.#server.now);
    if (body.error !== null) {
      this.#refuseBody(body.error, bytes, consumed);
      return;
    }
    if (body.received > maxBodyOf(this.#judged!)) {
      this.#refuseLongBody();
      return;
    }
    if (consumed < bytes.length) this.#hold(bytes.subarray(consumed));
    if (this.#attempt === null) {
      if (body.done || body.kept > this.#server.limits.bufferedBody) this.#send(null);
    } else if (!this.#ready) this.#reading = false;
    else if (body.done) this.#attempt.finish(body.trailers);
  }

  readonly #onPiece = (data: Buffer): void => {
    if (this.#ready) {
      if (this.#attempt?.write(this.#reads.keep(data)) === false) this.#reading = false;
      return;
    }
    this.#body!.keep(data, this.#reads);
  };

  /** A body that can't be read on, RFC 9112 section 7.1: whoever reads it another way finds a request in it. */
  #refuseBody(why: string, bytes: Buffer, at: number): void {
    this.#attempt?.cancel();
    const judged = this.#server.checkpoint.judgeRead(
      { ...this.#request!, defects: [{ why, at }] },
      this.#socket,
    );
    const { verdict } = judged;
    this.#tell(typeof verdict.answer === 'number' ? verdict.answer : 400, 'refused');
    this.#attempt = null;
    this.#letGo();
    const refused = this.#headSent ? { ...judged, verdict: { ...verdict, answer: 'drop' as const } } : judged;
    this.#server.checkpoint.refuseRead(this.#socket, refused, bytes, false, none);
  }

  /** A chunked body tells its length by coming: what has gone to the backend is broken off there. */
  #refuseLongBody(): void {
    this.#attempt?.cancel();
    this.#attempt = null;
    this.#last = true;
    if (this.#headSent) this.#socket.destroy();
    else this.#answer(tooLarge.status, tooLarge.reason, tooLarge.headers, tooLarge.text);
  }

  /** Answers a request whose body nobody wants. Not closed at once: a client that still sends gets to read the answer. */
  #answerWithout(
    { contentLength }: ReadRequest,
    rest: Buffer,
    { status, reason, headers, text }: Instead,
  ): void {
    if (contentLength !== 0) this.#body = new IncomingBody(contentLength, 0, this.#server.now);
    else if (rest.length > 0) this.#hold(rest);
    this.#answer(status, reason, headers, text);
  }

  /**
   * Sends the request on: with all of its body, or with as much as is kept for a body that is longer.
   *
   * @param along the whole body, where it came along with the head
   */
  #send(along: string | null): void {
    const { forwarder } = this.#server;
    const judged = this.#judged!;
    const group = forwarder.groupFor(judged);
    if (group === null) this.#answerOurselves(judged);
    else {
      this.#attempt = this.#attemptOf(group, judged, along);
      this.#attempt.start();
    }
  }

  #attemptOf(group: BackendGroup, judged: Judged, along: string | null): Attempt {
    const { forwarder } = this.#server;
    const body = this.#body;
    // A handshake has no body. What comes behind one that is not answered with a 101 is no request: it may be frames.
    const upgrade = judged.verdict.upgrade && body === null && along === null;
    this.#last ||= upgrade;
    const alongWhole =
      along === null ? null : { content: along, whole: true, length: along.length, trailers: none };
    const incoming = body === null ? alongWhole : body.handOver();
    return forwarder.attempt(group, judged, this.#secure, incoming, upgrade, this);
  }

  #answerOurselves(judged: Judged): void {
    this.#server.answer(judged).then(
      ({ status, reason, headers, body }) => {
        if (this.#judged !== judged) return;
        if (this.#body !== null && !this.#body.done) this.#last = true;
        this.#socket.write(ownText(status, reason, headers, this.#connectionLine()), 'latin1');
        if (judged.request.method !== 'HEAD') {
          this.#socket.write(body);
          this.#sent = Buffer.byteLength(body);
        }
        this.#status = status;
        this.#done('answered');
      },
      () => this.#judged === judged && this.#answer(500, 'Internal Server Error', [], ''),
    );
  }

  onReady(): void {
    const attempt = this.#attempt!;
    const body = this.#body;
    this.#ready = true;
    if (body === null) return;
    let more = true;
    for (const piece of body.release()) more = attempt.write(piece);
    if (!body.handedOverWhole && body.done) attempt.finish(body.trailers);
    if (more) this.#readOn();
  }

  onDrain(): void {
    if (this.#tunnel !== null) this.#tunnel.onDrain();
    else this.#readOn();
  }

  onInformation(head: ResponseHead): void {
    // RFC 9110 section 15.2: none to a client of HTTP/1.0.
    if (this.#request!.version !== '1.0') this.#socket.write(informationText(head), 'latin1');
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const { framing } = head;
    const old = this.#request!.version === '1.0';
    this.#headSent = true;
    this.#status = head.status;
    const unbounded = framing === 'chunked' || framing === 'close';
    this.#chunked = unbounded && !old;
    // The end of the connection is the end of the body (RFC 9112 section 6.3). Behind an early answer comes the rest of
    // a body that nobody reads.
    if ((unbounded && old) || (this.#body !== null && !this.#body.done)) this.#last = true;
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
    // What else comes in the same packet goes out in the same write.
    this.#socket.cork();
    process.nextTick(uncork, this.#socket);
    this.#socket.write(text, 'latin1');
  }

  #connectionLine(): string {
    if (this.#last) return 'Connection: close\r\n';
    return this.#request?.keepAlive === true ? 'Connection: keep-alive\r\n' : '';
  }

  onUpgrade(head: ResponseHead): void {
    const rest = this.#held;
    const attempt = this.#attempt!;
    this.#status = 101;
    this.#letGo();
    this.#socket.on('close', this.#onClose);
    this.#tunnel = carryUpgrade(this.#socket, rest, attempt, head, this.#server.limits.upgradeIdle);
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
      // A cut response must not look whole. Of HTTP/1.0 its end may be the end of the connection: only a reset tells.
      this.#tell(this.#status, 'cut');
      if (this.#request!.version === '1.0') this.#socket.resetAndDestroy();
      else this.#socket.destroy();
    } else {
      const { reason, headers, text } = failureAnswer(error.status);
      this.#answer(error.status, reason, headers, text);
    }
  }

  /** An answer of our own in place of a backend's. */
  #answer(status: number, reason: string, headers: readonly string[], text: string): void {
    if (this.#judged === null || (this.#body !== null && !this.#body.done)) this.#last = true;
    const framed = headers.length > 0 ? headers : ['Content-Length', '0'];
    const head = ownText(status, reason, framed, this.#connectionLine());
    const shown = this.#request?.method === 'HEAD' ? '' : text;
    this.#socket.write(head + shown, 'latin1');
    this.#sent = shown.length;
    this.#status = status;
    if (this.#judged === null) this.#finish();
    else this.#done('answered');
  }

  #tell(status: number, outcome: Outcome): void {
    const judged = this.#judged;
    this.#judged = null;
    const { onServed } = this.#server;
    if (judged === null || onServed === null) return;
    const backend = this.#attempt?.backend ?? null;
    onServed({ judged, status, outcome, sent: this.#sent, start: this.#start, backend });
  }

  /** The answer is written; the next request may come. */
  #done(outcome: Outcome): void {
    this.#tell(this.#status, outcome);
    const unread = this.#body !== null && !this.#body.done;
    this.#request = null;
    if (this.#body !== null) this.#reads.reset();
    this.#body = null;
    this.#attempt = null;
    this.#ready = false;
    this.#headSent = false;
    this.#status = 0;
    this.#sent = 0;
    this.#slow = false;
    this.#served = true;
    this.#since = this.#server.now;
    if (this.#last) {
      if (unread) this.#linger();
      else this.#finish();
      return;
    }
    // Not within the call of the connection to the backend, which is not free yet; and not while the client takes nothing.
    if (this.#held !== null) {
      if (!this.#socket.writableNeedDrain) setImmediate(this.#goOn);
    } else this.#readOn();
  }

  /** Closes it once everything is written. RFC 9112 section 9.6: what the client still sends is not served. */
  #finish(): void {
    this.#lingersUntil = this.#server.now + lingerTime;
    this.#socket.destroySoon();
  }

  /** The same, reading on for a while: a close with unread bytes resets the connection under the answer. */
  #linger(): void {
    this.#lingersUntil = this.#server.now + lingerTime;
    this.#discards = true;
    this.#held = null;
    this.#socket.end();
    this.#readOn();
  }

  readonly #goOn = (): void => {
    const bytes = this.#held;
    if (bytes === null || !this.idle || this.#lingersUntil !== 0 || this.#socket.destroyed) return;
    this.#takeHead(bytes);
    this.#readOn();
  };

  readonly #onDrain = (): void => {
    if (this.idle) this.#goOn();
    else if (this.#slow) {
      this.#slow = false;
      this.#attempt?.resume();
    }
  };

  /** As with nginx, who stops sending is gone: most that half-close have closed. */
  #onClientEnd(): void {
    if (this.#unknown) this.#refuseBytes(this.#held ?? nothing);
    else if (this.idle && this.#lingersUntil === 0) this.#finish();
    else this.#socket.destroy();
  }

  readonly #onClose = (): void => {
    this.#server.forget(this);
    this.#attempt?.cancel();
    this.#tunnel?.destroy();
    if (this.#tunnel !== null) this.#tell(101, 'upgraded');
    else this.#tell(this.#headSent ? this.#status : 499, this.#headSent ? 'cut' : 'aborted');
    if (this.#held !== null) this.#recordRest(this.#held);
  };

  /** What the client sent behind its last request and did not wait for may be a probe: it is recorded all the same. */
  #recordRest(bytes: Buffer): void {
    const { checkpoint } = this.#server;
    for (let rest = bytes; rest.length > 0; ) {
      const request = this.#reader.read(rest);
      if (typeof request === 'string') {
        if (request === 'fault') checkpoint.recordBytes(this.#socket, rest, false);
        return;
      }
      const behind = rest.subarray(request.end);
      const judged = checkpoint.judgeRead(request, this.#socket);
      checkpoint.recordRead(judged, this.#socket, behind);
      if (judged.verdict.action === 'block') return;
      const body = request.contentLength === 0 ? null : new RequestBody(request.contentLength);
      rest = body === null ? behind : behind.subarray(body.take(behind, ignore));
    }
  }

  /** Somebody else has the socket from now on. */
  #letGo(): void {
    const socket = this.#socket;
    this.#reads.release();
    socket.off('drain', this.#onDrain);
    socket.off('error', ignore);
    socket.off('close', this.#onClose);
    this.#server.forget(this);
  }
}

function isWhole({ method, contentLength }: ReadRequest, rest: Buffer): boolean {
  return method !== 'CONNECT' && contentLength !== -1 && rest.length >= contentLength;
}

/** RFC 9110 section 15.5.14. */
const tooLarge: Instead = { status: 413, reason: 'Content Too Large', headers: [], text: '' };
const maxBodyOf = ({ verdict }: Judged): number => verdict.site!.maxBody ?? Number.POSITIVE_INFINITY;
const uncork = (socket: Socket): void => socket.uncork();
const ignore = (): void => {};
const nothing = Buffer.alloc(0);
const none: readonly string[] = [];
