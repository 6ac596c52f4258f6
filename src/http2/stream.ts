/** One request and its answer, RFC 9113 section 8.1. */
import { evidenceLimit } from '../events/probe-event.ts';
import type { Attempt, ClientSide } from '../forward/attempt.ts';
import type { BackendGroup } from '../forward/backend-group.ts';
import { failureAnswer } from '../forward/failure-answer.ts';
import type { Outcome } from '../forward/served.ts';
import type { UpstreamError } from '../forward/upstream-error.ts';
import type { Judged } from '../guard/checkpoint.ts';
import { evidenceTime } from '../guard/evidence.ts';
import { refusal } from '../guard/refusal.ts';
import type { Answer } from '../rules/catalogue.ts';
import { errorCodes, type Fault, inStream } from '../wire/h2-faults.ts';
import {
  type Frame,
  flags,
  frameHead,
  frameTypes,
  headersFrames,
  maxFrame,
  maxWindow,
} from '../wire/h2-frames.ts';
import { fieldText, h2Request, trailerFault } from '../wire/h2-request.ts';
import type { FieldBlock } from '../wire/hpack-decoder.ts';
import { noTable } from '../wire/hpack-encoder.ts';
import { fieldLines, type ResponseHead } from '../wire/response-head.ts';
import { lingerTime } from './bounds.ts';
import { ends } from './closed-streams.ts';
import type { Http2Connection } from './connection.ts';
import { asHandshake, type Handshake } from './handshake.ts';
import { RequestBody } from './request-body.ts';
import { ResponseBody } from './response-body.ts';
import { responseBlock, trailerBlock } from './response-fields.ts';

const { protocolError, internalError, streamClosed, flowControlError, cancel, noError, enhanceYourCalm } =
  errorCodes;

/** What a refused sender goes on to say. */
interface Evidence {
  readonly judged: Judged;
  body: string;
}

export class Http2Stream implements ClientSide {
  readonly id: number;
  readonly #connection: Http2Connection;
  /** A login on a connection to a backend (NTLM) holds for one request at a time; browsers make it over HTTP/1.1. */
  readonly connection = null;
  #sendWindow: number;
  #judged: Judged | null = null;
  #group: BackendGroup | null = null;
  #attempt: Attempt | null = null;
  /** Of the attempt, once it is over too. */
  #backend: Attempt['backend'] = null;
  /** All of the request went to the attempt at once. */
  #whole = false;
  #start = 0;
  #contentLength = -1;
  /** What came behind the head; null: nothing did. */
  #body: RequestBody | null = null;
  #headSent = false;
  #status = 0;
  #response: ResponseBody | null = null;
  /** The answer is written. */
  #answered = false;
  #evidence: Evidence | null = null;
  #refused = false;
  /** Since when what still comes of the request is of no use to anybody. */
  #uselessSince: number | null = null;
  /** Of a WebSocket; null: it is none. */
  #handshake: Handshake | null = null;
  /** When something last went through an upgraded stream. */
  #activeAt = 0;

  constructor(connection: Http2Connection, id: number, sendWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.#sendWindow = sendWindow;
  }

  get #remoteEnded(): boolean {
    return this.#body === null || this.#body.ended;
  }

  /** The request has come; its body may follow. */
  begin({ fields, tooLong }: FieldBlock, endsStream: boolean): void {
    const { server, socket } = this.#connection;
    const { checkpoint, rateLimits, limits } = server.options;
    this.#start = performance.now();
    const { request, contentLength, expect } = h2Request(fields, endsStream);
    if (!endsStream) this.#body = new RequestBody(this.id, this.#connection);
    const why = `a head longer than ${limits.headerBytes} bytes`;
    const judged = checkpoint.judgeRead(
      tooLong ? { ...request, defects: [{ why, at: 0, overflow: true }] } : request,
      socket,
    );
    const { verdict } = judged;
    // Section 8.1.1: a malformed request is reset, whatever is said about its rule.
    if (!tooLong && request.defects !== undefined) {
      this.#resetAsMalformed(judged);
      return;
    }
    if (tooLong || verdict.action === 'block') {
      this.#refuse(judged, verdict.answer ?? 431, []);
      this.#connection.leave();
      return;
    }
    checkpoint.passed(judged, socket, this.#start);
    const excess = rateLimits.hit(judged);
    if (excess !== null) {
      this.#refuse({ ...judged, verdict: excess.verdict }, excess.verdict.answer ?? 429, excess.headers);
      return;
    }
    this.#judged = judged;
    this.#contentLength = contentLength;
    if (expect !== null && expect !== '' && expect !== '100-continue') {
      this.#answer(417, []);
      return;
    }
    if (contentLength > this.#maxBody) {
      this.#answer(413, []);
      return;
    }
    if (expect === '100-continue' && !endsStream) this.#putHead(100, '', true);
    this.#serve(judged);
  }

  onDataFrame(frame: Frame): Fault | null {
    const body = this.#body;
    if (body === null || body.ended) return inStream(streamClosed, 'DATA behind the end of the stream');
    if (!body.take(frame.length)) return inStream(flowControlError, 'more DATA than the stream takes');
    const { bytes, start, end, length } = frame;
    const ended = (frame.flags & flags.endStream) !== 0;
    if (this.#uselessSince !== null) {
      // A refused sender is not let send more than its window; a client that is not may end what it has begun: curl 7.88 waits
      // for that, whatever it has been answered.
      if (this.#refused) this.#connection.give(length);
      else body.give(length);
      if (this.#evidence !== null && this.#evidence.body.length < evidenceLimit)
        this.#evidence.body += bytes.toString('latin1', start, end);
      return ended ? this.#endRequest([]) : null;
    }
    if (end - start < length) body.give(length - (end - start));
    const total = body.received + end - start;
    if (this.#contentLength !== -1 && total > this.#contentLength) return this.#wrongLength(total);
    if (total > this.#maxBody) {
      body.give(end - start);
      this.#breakOff(413);
      return ended ? this.#endRequest([]) : null;
    }
    this.#activeAt = this.#connection.server.now;
    if (end > start && !body.push(bytes.subarray(start, end)))
      return inStream(enhanceYourCalm, 'too much waits for backends');
    if (ended) return this.#endRequest([]);
    if (this.#waits && body.heldBytes > this.#connection.server.options.limits.bufferedBody) this.#send();
    return null;
  }

  /** A second field block of the stream. */
  onTrailers({ fields, tooLong }: FieldBlock, endsStream: boolean): Fault | null {
    if (this.#remoteEnded) return inStream(streamClosed, 'HEADERS behind the end of the stream');
    const why = endsStream
      ? tooLong
        ? 'trailers that are too long'
        : trailerFault(fields)
      : 'a second head, which does not end the stream';
    if (why === null || this.#uselessSince !== null) return this.#endRequest(fields);
    this.#recordDefect(why, `\r\n${fieldText(fields)}`);
    return inStream(protocolError, why);
  }

  /** The client takes more on the stream, or less. @returns false where that is more than it may say */
  widen(change: number): boolean {
    if (this.#response !== null) return this.#response.widen(change);
    this.#sendWindow += change;
    return this.#sendWindow <= maxWindow;
  }

  /** Ends it for a fault of the client. */
  fail(code: number): void {
    this.cancel('refused');
    this.#connection.reset(this, code);
  }

  /** The client is gone, or wants it no more. */
  cancel(outcome: Outcome = this.#headSent ? 'cut' : 'aborted'): void {
    this.#endEvidence();
    const attempt = this.#attempt;
    this.#attempt = null;
    this.#response?.drop();
    this.#body?.drop();
    attempt?.cancel();
    if (!this.#answered) this.#tell(outcome);
  }

  checkDeadline(now: number): void {
    const { stall, minRate, upgradeIdle } = this.#connection.server.options.limits;
    this.#response?.mark(now);
    if (this.#uselessSince !== null && this.#answered) {
      if (now - this.#uselessSince >= (this.#refused ? evidenceTime : lingerTime)) this.fail(noError);
    } else if (this.#response?.stalled(now, stall) === true) this.fail(cancel);
    else if (this.#handshake !== null) {
      if (now - this.#activeAt >= upgradeIdle) this.fail(cancel);
    } else if (this.#body?.tooSlow(now, stall, minRate) === true) this.#breakOff(408);
  }

  onReady(): void {
    if (this.#attempt !== null) this.#body?.sendTo(this.#attempt, this.#whole);
  }

  onInformation({ status, fields }: ResponseHead): void {
    this.#putHead(status, fields, true);
  }

  onHead({ status, fields, dated }: ResponseHead, whole: string | null): void {
    if (this.#handshake !== null && status < 300) {
      // RFC 8441 section 5: a 2xx would tell the client that it speaks to a WebSocket from now on.
      this.#failHandshake();
    } else if (whole === null) {
      this.#status = status;
      this.#headSent = true;
      this.#putHead(status, fields, dated);
    } else {
      this.#endAttempt();
      this.#respond(status, fields, dated, whole);
    }
  }

  onUpgrade(head: ResponseHead): void {
    if (!this.#handshake!.accepts(head)) {
      this.#failHandshake();
      return;
    }
    this.#status = 101;
    this.#headSent = true;
    this.#activeAt = this.#connection.server.now;
    this.#putHead(200, this.#handshake!.fieldsOf(head), true);
    this.#body?.sendTo(this.#attempt!, false);
  }

  onData(data: Buffer): void {
    const { now } = this.#connection.server;
    this.#activeAt = now;
    if (!this.#responseBody().push(data, now)) this.#attempt?.pause();
  }

  onEnd(trailers: readonly string[]): void {
    this.#endAttempt();
    this.#responseBody().end(trailerBlock(trailers));
  }

  onFailure(error: UpstreamError): void {
    this.#endAttempt();
    if (this.#headSent) {
      // A cut response must not look whole.
      this.cancel('cut');
      this.#connection.reset(this, error.byClient ? cancel : internalError);
      return;
    }
    const { headers, text } = failureAnswer(error.status);
    this.#answer(error.status, headers, text);
  }

  onDrain(): void {
    this.#body?.resume();
  }

  /** Bytes of its body. An upgraded stream has none: what comes on it are frames of a WebSocket. */
  get #maxBody(): number {
    const verdict = this.#judged?.verdict;
    return (verdict?.upgrade === true ? undefined : verdict?.site?.maxBody) ?? Number.POSITIVE_INFINITY;
  }

  /** The request is for a backend, and has not been sent. */
  get #waits(): boolean {
    return this.#group !== null && this.#attempt === null && !this.#headSent && this.#uselessSince === null;
  }

  #serve(judged: Judged): void {
    const { forwarder, answer } = this.#connection.server.options;
    this.#group = forwarder.groupFor(judged);
    if (this.#group === null) {
      answer(judged).then(
        ({ status, headers, body }) => this.#answer(status, headers, body.toString('latin1')),
        () => this.#answer(500, []),
      );
    } else if (this.#body === null || this.#contentLength === 0 || judged.verdict.upgrade) this.#send();
  }

  /** Sends the request on: with all of its body, or with as much as is kept for a body that is longer. */
  #send(): void {
    const { forwarder } = this.#connection.server.options;
    const { socket } = this.#connection;
    const judged = this.#judged!;
    const body = this.#body;
    const secure = 'encrypted' in socket;
    if (judged.verdict.upgrade) {
      this.#handshake = asHandshake(judged);
      this.#attempt = forwarder.attempt(this.#group!, this.#handshake.judged, secure, null, true, this);
    } else if (body === null || this.#contentLength === 0) {
      this.#whole = true;
      this.#attempt = forwarder.attempt(this.#group!, judged, secure, null, false, this);
    } else {
      const content = body.takeHeld();
      const trailers = body.trailers ?? [];
      this.#whole = body.ended;
      // Its length is known once it is here; trailers have no place but behind a chunked body.
      const known = body.ended && trailers.length === 0 ? content.length : -1;
      const length = this.#contentLength === -1 ? known : this.#contentLength;
      const incoming = { content, whole: this.#whole, length, trailers };
      this.#attempt = forwarder.attempt(this.#group!, judged, secure, incoming, false, this);
    }
    this.#attempt.start();
  }

  /** An answer of our own. Nothing where the client has left. */
  #answer(status: number, headers: readonly string[], text = ''): void {
    if (this.#judged === null || this.#headSent) return;
    const framed = headers.length > 0 ? headers : ['Content-Length', '0'];
    this.#respond(status, fieldLines(framed), false, this.#judged.request.method === 'HEAD' ? '' : text);
  }

  /** A whole response. */
  #respond(status: number, fields: string, dated: boolean, body: string): void {
    const { output } = this.#connection;
    this.#headSent = true;
    this.#status = status;
    const { length } = body;
    this.#putHead(status, fields, dated, length === 0);
    if (length === 0) this.#onAnswered();
    else if (!output.blocked && length <= Math.min(maxFrame, this.#sendWindow, output.window)) {
      output.put(frameHead(length, frameTypes.data, flags.endStream, this.id) + body);
      output.sentAtOnce(length);
      this.#onAnswered();
    } else {
      const response = this.#responseBody();
      response.push(Buffer.from(body, 'latin1'), this.#connection.server.now);
      response.end('');
    }
  }

  #putHead(status: number, fields: string, dated: boolean, ended = false): void {
    const block = responseBlock(status, fields, dated);
    const connection = this.#connection;
    const whole = connection.tableSet ? block : noTable + block;
    connection.tableSet = true;
    connection.output.put(headersFrames(this.id, whole, ended, maxFrame));
  }

  #responseBody(): ResponseBody {
    this.#response ??= new ResponseBody(
      this.id,
      this.#connection.output,
      this.#sendWindow,
      this.#connection.server.now,
      () => this.#onAnswered(),
      () => this.#attempt?.resume(),
    );
    return this.#response;
  }

  #endAttempt(): void {
    this.#backend = this.#attempt?.backend ?? null;
    this.#attempt = null;
  }

  #onAnswered(): void {
    this.#answered = true;
    if (this.#evidence === null)
      this.#tell(this.#handshake !== null && this.#status === 101 ? 'upgraded' : 'answered');
    if (this.#remoteEnded) this.#done();
    else this.#stopListening();
  }

  #tell(outcome: Outcome): void {
    const judged = this.#judged;
    this.#judged = null;
    const { onServed } = this.#connection.server.options;
    if (judged === null || onServed === null) return;
    const status = outcome === 'aborted' ? 499 : this.#status;
    onServed({
      judged,
      status,
      outcome,
      start: this.#start,
      backend: this.#backend ?? this.#attempt?.backend ?? null,
    });
  }

  /**
   * RFC 9113 section 8.1: the answer stands without the rest of the request. It is not reset at once, since curl 7.88 throws the
   * answer away with the stream.
   */
  #stopListening(): void {
    this.#body?.drop();
    this.#uselessSince ??= this.#connection.server.now;
  }

  #done(): void {
    this.#body?.drop();
    this.#connection.finished(this, ends.whole);
  }

  #endRequest(trailers: readonly string[]): Fault | null {
    const body = this.#body!;
    if (this.#uselessSince !== null) {
      body.end([]);
      this.#endEvidence();
      if (this.#answered) this.#done();
      return null;
    }
    if (this.#contentLength !== -1 && body.received !== this.#contentLength)
      return this.#wrongLength(body.received);
    body.end(trailers);
    if (this.#handshake !== null) this.#attempt?.end();
    else if (this.#waits) this.#send();
    return null;
  }

  /** The rest of the request is not waited for. */
  #breakOff(status: number): void {
    this.#attempt?.cancel();
    this.#endAttempt();
    if (this.#headSent) this.fail(cancel);
    else this.#answer(status, []);
  }

  #failHandshake(): void {
    this.#attempt?.cancel();
    this.#endAttempt();
    const { headers, text } = failureAnswer(502);
    this.#answer(502, headers, text);
  }

  /** Section 8.1.1. */
  #wrongLength(received: number): Fault {
    const why = `a Content-Length of ${this.#contentLength} before ${received} bytes`;
    this.#recordDefect(why, '');
    return inStream(protocolError, why);
  }

  /** What came behind a head that was in order is malformed. */
  #recordDefect(why: string, text: string): void {
    const { server, socket } = this.#connection;
    const { checkpoint } = server.options;
    const judged = checkpoint.judgeRead({ ...this.#judged!.request, defects: [{ why, at: 0 }] }, socket);
    checkpoint.recordRead(judged, socket, Buffer.from(text, 'latin1'));
    this.#connection.leave();
  }

  #resetAsMalformed(judged: Judged): void {
    const { server, socket } = this.#connection;
    server.options.checkpoint.recordRead(judged, socket, nothing);
    this.#body?.drop();
    this.#connection.reset(this, protocolError);
    this.#connection.leave();
  }

  /** Answers at once, and takes what the sender still says as evidence. */
  #refuse(judged: Judged, answer: Answer, headers: readonly string[]): void {
    const { server, socket } = this.#connection;
    if (answer === 'drop') {
      server.options.checkpoint.recordRead(judged, socket, nothing);
      this.#body?.drop();
      this.#connection.reset(this, cancel);
      return;
    }
    this.#refused = true;
    this.#evidence = { judged, body: '' };
    if (this.#remoteEnded) this.#endEvidence();
    else this.#stopListening();
    const { headers: own, body } = refusal(answer, judged.verdict.rule ?? 'framing', headers);
    this.#respond(answer, fieldLines(own), false, judged.request.method === 'HEAD' ? '' : body);
  }

  #endEvidence(): void {
    const evidence = this.#evidence;
    if (evidence === null) return;
    this.#evidence = null;
    const { server, socket } = this.#connection;
    const body = Buffer.from(evidence.body.slice(0, evidenceLimit), 'latin1');
    server.options.checkpoint.recordRead(evidence.judged, socket, body);
  }
}

const nothing = Buffer.alloc(0);
