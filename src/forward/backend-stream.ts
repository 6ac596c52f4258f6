/** One exchange with a backend over HTTP/2, RFC 9113 section 8.1. */
import { backendStreamWindow } from '../h2/bounds.ts';
import { ReceiveWindow } from '../h2/receive-window.ts';
import { SentBody } from '../h2/sent-body.ts';
import { errorCodes } from '../wire/h2-faults.ts';
import { forwardedBlock, trailerBlock } from '../wire/h2-forwarded.ts';
import { headersFrames, maxFrame, rstStreamFrame, windowUpdateFrame } from '../wire/h2-frames.ts';
import { trailerFault } from '../wire/h2-request.ts';
import { h2Response, withoutBlanks } from '../wire/h2-response.ts';
import type { FieldBlock } from '../wire/hpack-decoder.ts';
import { noTable } from '../wire/hpack-encoder.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { piecePassed } from './scavenge.ts';
import { type CarriedStream, maxHead, type StreamConnection } from './stream-connection.ts';
import { UpstreamError } from './upstream-error.ts';
import type { Exchange, ResponseSink, UpstreamRequest } from './upstream-exchange.ts';
import { notPassedOn, timedOut } from './upstream-failures.ts';

const { noError, protocolError, flowControlError, refusedStream, cancel, http11Required } = errorCodes;

export class BackendStream implements Exchange, CarriedStream {
  readonly #connection: StreamConnection;
  #id = 0;
  #sink: ResponseSink | null = null;
  #method = '';
  /** Null: there is none, or all of it is written. */
  #body: SentBody | null = null;
  /** The client has sent all of its request. */
  #requestEnded = true;
  readonly #window = new ReceiveWindow(backendStreamWindow);
  #head: ResponseHead | null = null;
  /** Bytes of its Content-Length that are still to come. */
  #left = 0;
  /** DATA that came while the client was not reading. */
  #held: Buffer[] = [];
  #paused = false;
  /** Not null: the answer is whole, but held DATA is still to be passed on. */
  #trailers: readonly string[] | null = null;
  /** Of the present phase, on the clock. */
  #deadline = 0;

  constructor(connection: StreamConnection) {
    this.#connection = connection;
  }

  /** The head of the answer has arrived. */
  get touched(): boolean {
    return this.#head !== null;
  }

  send(request: UpstreamRequest, sink: ResponseSink): void {
    const connection = this.#connection;
    const { body, ended, trailers } = request;
    this.#id = connection.add(this);
    this.#sink = sink;
    this.#method = request.method;
    this.#requestEnded = ended;
    this.#deadline = connection.clock.now + connection.timeouts.headers;
    const content = body === null ? nothing : typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
    piecePassed(content.length);
    const headAlone = ended && content.length === 0 && trailers.length === 0;
    const block = forwardedBlock(request.head, connection.scheme);
    const whole = connection.tableSet ? block : noTable + block;
    connection.tableSet = true;
    connection.output.put(headersFrames(this.#id, whole, headAlone, maxFrame));
    if (!headAlone) {
      this.#body = new SentBody(
        this.#id,
        connection.output,
        connection.initialWindow,
        connection.clock.now,
        this.#onSent,
        this.#onRoom,
      );
      if (content.length > 0) this.#body.push(content, connection.clock.now);
      if (ended) this.#body.end(trailerBlock(trailers));
    }
    sink.onReady();
  }

  write(data: Buffer): boolean {
    piecePassed(data.length);
    // While the client still sends, the backend is not late.
    this.#moved();
    return this.#body?.push(data, this.#connection.clock.now) ?? true;
  }

  finish(trailers: readonly string[]): void {
    this.#requestEnded = true;
    this.#body?.end(trailerBlock(trailers));
  }

  /** No exchange is upgraded over HTTP/2. */
  end(): void {}

  /** Over HTTP/2 a login belongs to a request, not to the connection. */
  belongTo(): void {}

  pause(): void {
    this.#paused = true;
    this.#moved();
  }

  resume(): void {
    this.#paused = false;
    this.#moved();
    while (this.#held.length > 0 && !this.#paused) this.#pass(this.#held.shift()!);
    if (this.#held.length === 0 && this.#trailers !== null) this.#complete(this.#trailers);
  }

  /** The client is gone, or wants no answer. */
  destroy(): void {
    if (this.#sink === null) return;
    this.#close(cancel);
    this.#connection.freed();
  }

  checkDeadline(now: number): void {
    if (now < this.#deadline) return;
    const answering = this.#head !== null;
    const byClient = answering ? this.#paused : !this.#requestEnded && this.#body?.queued === 0;
    this.#fail(timedOut(this.#connection.name, answering, byClient));
  }

  /** The backend changes the send window. @returns false where that exceeds 2^31-1 */
  widen(change: number): boolean {
    return this.#body?.widen(change) ?? true;
  }

  onBlock(block: FieldBlock, endsStream: boolean): void {
    this.#moved();
    const fields = withoutBlanks(block.fields);
    if (block.tooLong) this.malformed(`fields of more than ${maxHead} bytes`);
    else if (this.#trailers !== null) this.malformed('fields after its end');
    else if (this.#head !== null) this.#onTrailers(fields, endsStream);
    else {
      const head = h2Response(fields, this.#method, endsStream);
      if (typeof head === 'string') this.malformed(head);
      else if (head.status < 200) this.#call((sink) => sink.onInformation(head));
      else this.#onHead(head, endsStream);
    }
  }

  /** @param length of the frame, padding included */
  onDataFrame(data: Buffer, length: number, endsStream: boolean): void {
    this.#moved();
    if (!this.#window.take(length)) this.malformed('more DATA than the stream takes', flowControlError);
    else if (this.#head === null) this.malformed('DATA before its head');
    else if (this.#trailers !== null) this.malformed('DATA after its end');
    else this.#onData(data, length - data.length, endsStream);
  }

  onReset(code: number): void {
    const { name } = this.#connection;
    // RFC 9113 section 8.1: the answer is whole and the backend does not want the rest of the request.
    if (this.#trailers !== null && code === noError) {
      this.#dropBody();
      return;
    }
    if (code === refusedStream && this.#head === null) {
      this.#fail(new UpstreamError(503, `${name} has no room for a stream`, 'unsent'), null);
      return;
    }
    const hint = code === http11Required ? ': it asks for HTTP/1.1, write http:// or https:// for it' : '';
    this.#fail(new UpstreamError(502, `${name} reset the stream (code ${code})${hint}`), null);
  }

  /** The backend broke the protocol. */
  malformed(why: string, code: number = protocolError): void {
    this.#fail(new UpstreamError(502, `${this.#connection.name} answered with ${why}`), code);
  }

  /** The connection has ended. A complete answer is still passed on: at most the window of the stream is held. */
  gone(error: UpstreamError): void {
    const trailers = this.#trailers;
    if (trailers === null) {
      this.#fail(error, null);
      return;
    }
    for (const data of this.#held.splice(0)) this.#pass(data);
    this.#complete(trailers);
  }

  #onHead(head: ResponseHead, endsStream: boolean): void {
    this.#head = head;
    this.#left = head.length;
    this.#moved();
    if (head.framing !== 'none') {
      this.#call((sink) => sink.onHead(head, null));
      return;
    }
    const sink = this.#sink;
    if (this.#body !== null) this.#close(noError);
    else if (endsStream) this.#close(null);
    else {
      // A backend may say that there is no body before it ends the stream.
      this.#sink = null;
      this.#connection.awaitEnd(this.#id);
    }
    guarded(sink, (one) => one.onHead(head, ''), this.#connection.name);
    this.#connection.freed();
  }

  #onTrailers(fields: readonly string[], endsStream: boolean): void {
    const why = endsStream ? trailerFault(fields) : 'a second head';
    if (why !== null) this.malformed(why);
    else this.#onEnd(fields);
  }

  #onData(data: Buffer, padding: number, endsStream: boolean): void {
    if (padding > 0) this.#give(padding);
    if (this.#head!.framing === 'length') {
      this.#left -= data.length;
      if (this.#left < 0) {
        this.malformed('more than its Content-Length');
        return;
      }
    }
    if (data.length > 0) {
      if (this.#paused || this.#held.length > 0) this.#held.push(data);
      else this.#pass(data);
    }
    if (endsStream && this.#sink !== null) this.#onEnd(none);
  }

  #pass(data: Buffer): void {
    piecePassed(data.length);
    this.#call((sink) => sink.onData(data));
    this.#give(data.length);
  }

  #give(bytes: number): void {
    const increment = this.#window.give(bytes);
    if (increment > 0 && this.#trailers === null && this.#sink !== null)
      this.#connection.output.put(windowUpdateFrame(this.#id, increment));
  }

  #onEnd(trailers: readonly string[]): void {
    if (this.#head!.framing === 'length' && this.#left > 0) this.malformed('less than its Content-Length');
    else if (this.#held.length > 0) this.#trailers = trailers;
    else this.#complete(trailers);
  }

  #complete(trailers: readonly string[]): void {
    const sink = this.#sink;
    // RFC 9113 section 8.1: nobody needs the rest of the request.
    this.#close(this.#body === null ? null : noError);
    guarded(sink, (one) => one.onEnd(trailers), this.#connection.name);
    this.#connection.freed();
  }

  readonly #onSent = (): void => {
    this.#body = null;
  };

  readonly #onRoom = (): void => {
    this.#sink?.onDrain();
  };

  #moved(): void {
    const { clock, timeouts } = this.#connection;
    this.#deadline = clock.now + (this.#head === null ? timeouts.headers : timeouts.body);
  }

  /** A sink that throws ends its own stream only. */
  #call(use: (sink: ResponseSink) => void): void {
    const sink = this.#sink;
    if (sink === null) return;
    try {
      use(sink);
    } catch (error) {
      this.#fail(notPassedOn(this.#connection.name, error));
    }
  }

  /** @param code to reset the stream with; null: the backend knows that it has ended */
  #fail(error: UpstreamError, code: number | null = cancel): void {
    const sink = this.#sink;
    this.#close(code);
    sink?.onFailure(error);
    this.#connection.freed();
  }

  #dropBody(): void {
    this.#body?.drop();
    this.#body = null;
  }

  /** @param code to reset the stream with; null: the backend knows that it has ended */
  #close(code: number | null): void {
    if (this.#sink === null) return;
    this.#sink = null;
    this.#held = [];
    this.#dropBody();
    if (code !== null) this.#connection.output.put(rstStreamFrame(this.#id, code));
    this.#connection.remove(this.#id);
  }
}

const nothing = Buffer.alloc(0);
const none: readonly string[] = [];

/** The last call to a sink: if it throws, its answer is cut. */
function guarded(sink: ResponseSink | null, use: (sink: ResponseSink) => void, name: string): void {
  if (sink === null) return;
  try {
    use(sink);
  } catch (error) {
    sink.onFailure(notPassedOn(name, error));
  }
}
