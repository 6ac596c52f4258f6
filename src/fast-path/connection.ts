/**
 * One client connection, as long as it sends nothing but ordinary requests, each whole in one packet: read from the socket,
 * judged, sent to a backend, and answered, without the request, response and stream objects that a server makes for each.
 * The first thing out of the ordinary goes to the server, with the connection, for good.
 */
import type { Socket } from 'node:net';
import type { Backend, BackendGroup } from '../forward/backend-group.ts';
import { logsConnectionIn } from '../forward/connection-login.ts';
import { failureAnswer } from '../forward/failure-answer.ts';
import { idempotent } from '../forward/idempotent.ts';
import type { Waiter } from '../forward/pool.ts';
import { offerWhatPasses } from '../forward/respond.ts';
import { allowedTrailers, lastChunk } from '../forward/trailers.ts';
import type { ResponseSink, UpstreamConnection } from '../forward/upstream-connection.ts';
import { UpstreamError } from '../forward/upstream-error.ts';
import { absentClient, type Whereabouts, whereabouts } from '../guard/absent-client.ts';
import type { Judged } from '../guard/checkpoint.ts';
import { is } from '../wire/field-names.ts';
import { contentless } from '../wire/methods.ts';
import { plainHead } from '../wire/plain-head.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import type { FastPath } from './fast-path.ts';

/** A request longer than this, with its body, is for the server. */
const maxRequest = 16 * 1024;

export class FastConnection implements ResponseSink, Waiter {
  readonly #path: FastPath;
  readonly #socket: Socket;
  readonly #secure: boolean;
  /** What came while a request was being served, or with it. */
  #next: Buffer | null = null;
  /** All of `#next` is requests that may pass. */
  #nextPasses = false;
  /** Kept as soon as something waits. */
  #where: Whereabouts | null = null;
  /** Of the request that is being served; null between two. */
  #judged: Judged | null = null;
  #group: BackendGroup | null = null;
  #backend: Backend | null = null;
  #connection: UpstreamConnection | null = null;
  /** The request as the backend gets it. */
  #request = '';
  #start = 0;
  #retried = false;
  #headSent = false;
  #chunked = false;
  #status = 0;
  /** The connection ends with the response under way. */
  #last = false;
  /** The client takes nothing more for now. */
  #held = false;
  /** When it began to wait for a request, on the clock of the path. */
  #since: number;
  #served = false;

  constructor(path: FastPath, socket: Socket) {
    this.#path = path;
    this.#socket = socket;
    this.#secure = 'encrypted' in socket;
    this.#since = path.now;
    // In place of 'data' events: what a stream does besides, for every packet, took 5 % of the time of a request. Not where
    // something has been read already, behind a PROXY header.
    if (socket.readableLength === 0) socket.push = this.#push;
    else socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
  }

  get client(): Socket {
    return this.#socket;
  }

  /** Between two requests. */
  get idle(): boolean {
    return this.#judged === null;
  }

  /** Ends it, after the response under way. */
  close(): void {
    this.#last = true;
    if (this.idle) this.#finish();
  }

  /** Called every now and then: one timer for all connections instead of one for each. */
  checkDeadline(headerTime: number, idle: number): void {
    if (!this.idle) return;
    const waited = this.#path.now - this.#since;
    if (this.#served) {
      if (waited >= idle) this.#socket.destroy();
    } else if (waited >= headerTime) {
      // As Node's server answers a client that says nothing.
      this.#socket.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
      this.#finish();
    }
  }

  readonly #push = (bytes: Buffer | null): boolean => {
    if (bytes !== null && this.idle && this.#next === null) {
      this.#take(bytes);
      return true;
    }
    // The end, or more than is taken now: only the stream can be paused.
    this.#becomeStream();
    return this.#socket.push(bytes);
  };

  #becomeStream(): void {
    delete (this.#socket as Partial<Socket>).push;
    this.#socket.on('data', this.#onData);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.idle && this.#next === null) {
      this.#take(bytes);
      return;
    }
    this.#where ??= whereabouts(this.#socket);
    this.#next = this.#next === null ? bytes : Buffer.concat([this.#next, bytes]);
    this.#nextPasses = false;
    this.#socket.pause();
  };

  #take(bytes: Buffer): void {
    const text = bytes.length > maxRequest ? '' : bytes.toString('latin1');
    const head = plainHead(bytes, text);
    const length = head === null ? 0 : head.end + head.contentLength;
    // Not less than a request: what is split, the server puts together. Nor with a probe behind it, which is to be recorded
    // even where its client does not wait for its turn.
    if (
      head === null ||
      length > bytes.length ||
      head.end > this.#path.headerBytes ||
      (head.contentLength > 0 && contentless.has(head.method))
    ) {
      this.#handOver(bytes);
      return;
    }
    const start = performance.now();
    const judged = this.#path.checkpoint.pass(head, this.#socket);
    const group = judged === null ? null : this.#path.forwarder.groupFor(judged);
    if (judged === null || group === null || !(this.#nextPasses || this.#pass(bytes.subarray(length)))) {
      this.#handOver(bytes);
      return;
    }
    this.#path.checkpoint.passed(judged, this.#socket, start);
    const excess = this.#path.rateLimits.hit(judged);
    if (excess !== null) {
      this.#letGo();
      const refused = { ...judged, verdict: excess.verdict };
      this.#path.checkpoint.refuseWhole(this.#socket, refused, text.slice(head.end, length), excess.headers);
      return;
    }
    this.#judged = judged;
    this.#group = group;
    this.#request = this.#path.forwarder.headFor(
      judged,
      this.#secure,
      head.contentLength > 0 ? 'length' : 'none',
    );
    if (head.contentLength > 0) this.#request += text.slice(head.end, length);
    this.#nextPasses = length < bytes.length;
    if (this.#nextPasses) {
      this.#where ??= whereabouts(this.#socket);
      this.#next = bytes.subarray(length);
    }
    this.#retried = false;
    this.#headSent = false;
    this.#last ||= head.close;
    this.#start = start;
    this.#dispatch(null);
  }

  /** Whether these are plain requests that may pass, and nothing else. */
  #pass(bytes: Buffer): boolean {
    for (let rest = bytes; rest.length > 0; ) {
      const head = plainHead(rest, rest.toString('latin1'));
      const length = head === null ? 0 : head.end + head.contentLength;
      if (head === null || length > rest.length) return false;
      if (this.#path.checkpoint.pass(head, this.#socket) === null) return false;
      rest = rest.subarray(length);
    }
    return true;
  }

  #dispatch(not: Backend | null): void {
    try {
      this.#backend = this.#group!.pick(not, this.#socket);
      this.#backend.pool.take(this);
    } catch (error) {
      // Settings that the platform refuses (of TLS, say) show at the first dial: that is an answer, not a crash.
      this.#giveUp(new UpstreamError(502, `cannot dial: ${String(error)}`, 'unsent', error));
    }
  }

  onConnection(connection: UpstreamConnection): void {
    this.#connection = connection;
    if (logsConnectionIn(this.#judged!.request.rawHeaders)) connection.belongTo(this.#socket);
    connection.send(this.#request, this.#judged!.request.method, true, this);
  }

  onReady(): void {}

  onInformation({ status, rawHeaders }: ResponseHead): void {
    if (status !== 100) this.#socket.write(headText(status, '', rawHeaders, '\r\n'), 'latin1');
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const { status, reason, rawHeaders, framing } = head;
    const { method } = this.#judged!.request;
    const backend = this.#backend!;
    this.#group!.succeeded(backend, status);
    this.#path.counters?.backend(backend.pool.name).observe((performance.now() - this.#start) / 1000);
    if (method === 'OPTIONS' || status === 405) offerWhatPasses(rawHeaders);
    this.#headSent = true;
    this.#status = status;
    this.#chunked = framing === 'chunked' || framing === 'close';
    const end = `${this.#chunked ? 'Transfer-Encoding: chunked\r\n' : ''}${this.#last ? 'Connection: close\r\n' : ''}\r\n`;
    const text = headText(status, reason, rawHeaders, end);
    if (whole === null) {
      // What else comes in the same packet goes out in the same write.
      this.#socket.cork();
      process.nextTick(uncork, this.#socket);
      this.#socket.write(text, 'latin1');
      return;
    }
    this.#socket.write(text + whole, 'latin1');
    this.#done();
  }

  onData(data: Buffer): void {
    const socket = this.#socket;
    if (this.#chunked) {
      socket.write(`${data.length.toString(16)}\r\n`, 'latin1');
      socket.write(data);
      socket.write('\r\n', 'latin1');
    } else socket.write(data);
    if (!socket.writableNeedDrain || this.#held) return;
    this.#held = true;
    this.#connection?.pause();
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#chunked) this.#socket.write(lastChunk(allowedTrailers(trailers)), 'latin1');
    this.#done();
  }

  onFailure(error: UpstreamError): void {
    const backend = this.#backend!;
    this.#connection = null;
    if (error.status !== 503 && !error.byClient) this.#group!.failed(backend, error.message);
    const resendable = error.unsent || (error.retryable && idempotent.has(this.#judged!.request.method));
    if (resendable && !this.#retried) {
      this.#retried = true;
      // The same one again where its only fault was to close an idle connection.
      this.#dispatch(error.unsent ? backend : null);
      return;
    }
    this.#giveUp(error);
  }

  /** Nothing more of the request is to be sent: it went out whole. */
  onDrain(): void {}

  /** Answers for the backend, or breaks off a response that has begun: a cut one must not look whole. */
  #giveUp(error: UpstreamError): void {
    this.#connection?.destroy();
    this.#connection = null;
    if (this.#headSent) {
      this.#socket.destroy();
    } else {
      const { reason, headers, text } = failureAnswer(error.status);
      this.#status = error.status;
      const end = this.#last ? 'Connection: close\r\n\r\n' : '\r\n';
      const body = this.#judged!.request.method === 'HEAD' ? '' : text;
      this.#socket.write(headText(error.status, reason, headers, end) + body, 'latin1');
      this.#done();
    }
    this.#path.forwarder.failed(error);
  }

  /** The response is written; the next request may come. */
  #done(): void {
    this.#path.onServed?.(this.#judged!, this.#status, this.#start);
    this.#judged = null;
    this.#connection = null;
    this.#held = false;
    this.#served = true;
    this.#since = this.#path.now;
    if (this.#last) {
      this.#finish();
      return;
    }
    if (this.#next === null) return;
    // Not within the call of the connection to the backend, which is not free yet; and not while the client takes nothing.
    if (!this.#socket.writableNeedDrain) setImmediate(this.#goOn);
  }

  /**
   * Closes it once everything is written; whether the client closes too is not waited for. RFC 9112 section 9.6: what it
   * still sends is not served.
   */
  #finish(): void {
    this.#path.forget(this);
    this.#next ??= nothing;
    this.#socket.destroySoon();
  }

  readonly #goOn = (): void => {
    const bytes = this.#next;
    if (bytes === null || !this.idle || this.#last || this.#socket.destroyed) return;
    this.#next = null;
    this.#take(bytes);
    if (this.#socket.isPaused()) this.#socket.resume();
  };

  readonly #onDrain = (): void => {
    if (this.idle) this.#goOn();
    else if (this.#held) {
      this.#held = false;
      this.#connection?.resume();
    }
  };

  /** As with Node's server and nginx, who stops sending is gone: most that half-close have closed. */
  readonly #onEnd = (): void => {
    if (this.idle) this.#socket.destroySoon();
    else this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#path.forget(this);
    this.#backend?.pool.leave(this);
    this.#connection?.destroy();
    this.#connection = null;
    this.#judged = null;
    if (this.#where !== null) this.#leaveBehind(this.#where);
  };

  /** The connection is gone with something unread, maybe a probe, whose sender did not wait: it is recorded all the same. */
  #leaveBehind(where: Whereabouts): void {
    const socket = this.#socket;
    const { readableLength } = socket;
    const unread: Buffer | null = readableLength > 0 ? socket.read(readableLength) : null;
    const bytes = Buffer.concat([this.#next ?? nothing, unread ?? nothing]);
    if (bytes.length === 0) return;
    const standIn = absentClient(socket, where, socket.bytesRead);
    this.#path.checkpoint.onHandOver(standIn, bytes);
    this.#path.handOver(standIn, bytes);
    standIn.push(null);
  }

  #handOver(bytes: Buffer): void {
    this.#letGo();
    this.#path.checkpoint.onHandOver(this.#socket, bytes);
    this.#path.handOver(this.#socket, bytes);
  }

  #letGo(): void {
    const socket = this.#socket;
    delete (socket as Partial<Socket>).push;
    socket.off('data', this.#onData);
    socket.off('drain', this.#onDrain);
    socket.off('end', this.#onEnd);
    socket.off('error', ignore);
    socket.off('close', this.#onClose);
    this.#path.forget(this);
  }
}

function headText(status: number, reason: string, rawHeaders: readonly string[], end: string): string {
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  let dated = status < 200;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && is(name, 'date')) dated = true;
    text += `${name}: ${rawHeaders[i + 1]}\r\n`;
  }
  // RFC 9110 section 6.6.1: who passes on a response without a Date adds one.
  if (!dated) text += `Date: ${new Date().toUTCString()}\r\n`;
  return text + end;
}

const uncork = (socket: Socket): void => socket.uncork();
const ignore = (): void => {};
const nothing = Buffer.alloc(0);
