/** One request and its answer, RFC 9113 section 8.1. */
import type { Attempt, ClientSide } from '../forward/attempt.ts';
import type { BackendGroup } from '../forward/backend-group.ts';
import { failureAnswer } from '../forward/failure-answer.ts';
import type { Outcome } from '../forward/served.ts';
import type { UpstreamError } from '../forward/upstream-error.ts';
import type { Judged } from '../guard/checkpoint.ts';
import { evidenceTime } from '../guard/evidence.ts';
import { allowed, refusal } from '../guard/refusal.ts';
import { lingerTime } from '../h2/bounds.ts';
import { plural } from '../plural.ts';
import type { Answer } from '../rules/catalogue.ts';
import { errorCodes, type Fault, inStream } from '../wire/h2-faults.ts';
import { type Frame, flags } from '../wire/h2-frames.ts';
import { fieldText, h2Request, trailerFault } from '../wire/h2-request.ts';
import type { FieldBlock } from '../wire/hpack-decoder.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { ends } from './closed-streams.ts';
import type { Http2Connection } from './connection.ts';
import { Evidence } from './evidence.ts';
import { asHandshake, type Handshake } from './handshake.ts';
import { RequestBody } from './request-body.ts';
import { Response } from './response.ts';

const { protocolError, internalError, streamClosed, flowControlError, cancel, noError, enhanceYourCalm } =
  errorCodes;

export class Http2Stream implements ClientSide {
  readonly id: number;
  readonly #connection: Http2Connection;
  /** A login on a connection to a backend (NTLM) holds for one request at a time; browsers make it over HTTP/1.1. */
  readonly connection = null;
  readonly #response: Response;
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
  /** The answer is written. */
  answered = false;
  /** Of a refused request; null: it is none. */
  #evidence: Evidence | null = null;
  /** Since when what still comes of the request is of no use to anybody. */
  #uselessSince: number | null = null;
  /** Of a WebSocket; null: it is none. */
  #handshake: Handshake | null = null;
  #upgraded = false;
  /** When something last went through an upgraded stream. */
  #activeAt = 0;

  constructor(connection: Http2Connection, id: number, sendWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.#response = new Response(id, connection, sendWindow, this.#onAnswered, this.#onRoom);
  }

  /** The head of the answer is written. */
  get #begun(): boolean {
    return this.#response.status !== 0;
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
    if (expect === '100-continue' && !endsStream) this.#response.inform(100, '');
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
      if (this.#evidence !== null) this.#connection.give(length);
      else body.give(length);
      this.#evidence?.add(bytes, start, end);
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
    return this.#response.widen(change);
  }

  /** Ends it for a fault of the client. */
  fail(code: number): void {
    this.cancel('refused');
    this.#connection.reset(this, code);
  }

  /** The client is gone, or wants it no more. */
  cancel(outcome: Outcome = this.#begun ? 'cut' : 'aborted'): void {
    this.#evidence?.end();
    this.#endAttempt()?.cancel();
    this.#response.drop();
    this.#body?.drop();
    if (!this.answered) this.#tell(outcome);
  }

  checkDeadline(now: number): void {
    const { stall, minRate, upgradeIdle } = this.#connection.server.options.limits;
    if (this.#uselessSince !== null && this.answered) {
      if (now - this.#uselessSince >= (this.#evidence === null ? lingerTime : evidenceTime))
        this.fail(noError);
    } else if (this.#response.stalled(now, stall)) this.fail(cancel);
    else if (this.#handshake !== null) {
      if (now - this.#activeAt >= upgradeIdle) this.fail(cancel);
    } else if (this.#bodyTooSlow(now, stall, minRate)) this.#breakOff(408);
  }

  onReady(): void {
    if (this.#attempt !== null) this.#body?.sendTo(this.#attempt, this.#whole);
  }

  onInformation({ status, fields }: ResponseHead): void {
    this.#response.inform(status, fields);
  }

  onHead({ status, fields, dated }: ResponseHead, whole: string | null): void {
    if (this.#handshake !== null && status < 300) {
      // RFC 8441 section 5: a 2xx would tell the client that it speaks to a WebSocket from now on.
      this.#failHandshake();
    } else if (whole === null) this.#response.begin(status, fields, dated);
    else {
      this.#endAttempt();
      this.#response.whole(status, fields, dated, whole);
    }
  }

  onUpgrade(head: ResponseHead): void {
    if (!this.#handshake!.accepts(head)) {
      this.#failHandshake();
      return;
    }
    this.#upgraded = true;
    this.#activeAt = this.#connection.server.now;
    this.#response.begin(200, this.#handshake!.fieldsOf(head), true);
    this.#body?.sendTo(this.#attempt!, false);
    if (this.#remoteEnded) this.#attempt!.end();
  }

  onData(data: Buffer): void {
    this.#activeAt = this.#connection.server.now;
    if (!this.#response.push(data)) this.#attempt?.pause();
  }

  onEnd(trailers: readonly string[]): void {
    this.#endAttempt();
    this.#response.end(trailers);
  }

  onFailure(error: UpstreamError): void {
    this.#endAttempt();
    if (this.#begun) {
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

  /**
   * Where both sides speak at a time (gRPC) either may be quiet: the backend's deadlines are the bound then, and a stream that waits
   * keeps no connection to it from others.
   */
  #bodyTooSlow(now: number, stall: number, minRate: number): boolean {
    const multiplexed = this.#group?.multiplexed === true;
    if (this.#body === null || (multiplexed && this.#begun)) return false;
    return this.#body.tooSlow(now, stall, multiplexed ? 0 : minRate);
  }

  /** The request is for a backend, and has not been sent. */
  get #waits(): boolean {
    return this.#group !== null && this.#attempt === null && !this.#begun && this.#uselessSince === null;
  }

  #serve(judged: Judged): void {
    const { forwarder, answer } = this.#connection.server.options;
    this.#group = forwarder.groupFor(judged);
    if (this.#group === null) {
      answer(judged).then(
        ({ status, headers, body }) => this.#answer(status, headers, body.toString('latin1')),
        () => this.#answer(500, []),
      );
    } else if (
      this.#body === null ||
      this.#contentLength === 0 ||
      judged.verdict.upgrade ||
      this.#group.multiplexed
    )
      this.#send();
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
      this.#activeAt = this.#connection.server.now;
      this.#attempt = forwarder.attempt(this.#group!, this.#handshake.judged, secure, null, true, this);
    } else if (body === null || this.#contentLength === 0) {
      this.#whole = true;
      this.#attempt = forwarder.attempt(this.#group!, judged, secure, null, false, this);
    } else {
      const incoming = body.incoming(this.#contentLength);
      this.#whole = incoming.whole;
      this.#attempt = forwarder.attempt(this.#group!, judged, secure, incoming, false, this);
    }
    this.#attempt.start();
  }

  /** An answer of our own. Nothing where the client has left. */
  #answer(status: number, headers: readonly string[], text = ''): void {
    if (this.#judged === null || this.#begun) return;
    const framed = headers.length > 0 ? headers : ['Content-Length', '0'];
    this.#response.own(status, framed, text, this.#judged.request.method);
  }

  readonly #onRoom = (): void => {
    this.#attempt?.resume();
  };

  #endAttempt(): Attempt | null {
    const attempt = this.#attempt;
    if (attempt !== null) this.#backend = attempt.backend;
    this.#attempt = null;
    return attempt;
  }

  readonly #onAnswered = (): void => {
    this.answered = true;
    if (this.#evidence === null) this.#tell(this.#upgraded ? 'upgraded' : 'answered');
    if (this.#remoteEnded) this.#done();
    else this.#stopListening();
  };

  #tell(outcome: Outcome): void {
    const judged = this.#judged;
    this.#judged = null;
    const { onServed } = this.#connection.server.options;
    if (judged === null || onServed === null) return;
    const status = outcome === 'aborted' ? 499 : this.#upgraded ? 101 : this.#response.status;
    const { sent } = this.#response;
    onServed({ judged, status, outcome, sent, start: this.#start, backend: this.#backend });
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
      this.#evidence?.end();
      if (this.answered) this.#done();
      return null;
    }
    if (this.#contentLength !== -1 && body.received !== this.#contentLength)
      return this.#wrongLength(body.received);
    body.end(trailers);
    if (this.#upgraded) this.#attempt?.end();
    else if (this.#waits) this.#send();
    return null;
  }

  /** The rest of the request is not waited for. */
  #breakOff(status: number): void {
    this.#endAttempt()?.cancel();
    if (this.#begun) this.fail(cancel);
    else this.#answer(status, []);
  }

  #failHandshake(): void {
    this.#endAttempt()?.cancel();
    const { headers, text } = failureAnswer(502);
    this.#answer(502, headers, text);
  }

  /** Section 8.1.1. */
  #wrongLength(received: number): Fault {
    const why = `a Content-Length of ${this.#contentLength} before ${plural(received, 'byte')}`;
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
    this.#evidence = new Evidence(this.#connection, judged);
    if (this.#remoteEnded) this.#evidence.end();
    else this.#stopListening();
    const { headers: own, body } = refusal(answer, judged.verdict.rule ?? 'framing', [
      ...headers,
      ...allowed(judged.verdict),
    ]);
    this.#response.own(answer, own, body, judged.request.method);
  }
}

const nothing = Buffer.alloc(0);
