/** One request of a client and its answer, RFC 9113 section 8.1. */
import type { Attempt, ClientSide } from '../forward/attempt.ts';
import type { BackendGroup } from '../forward/backend-group.ts';
import { failureAnswer } from '../forward/failure-answer.ts';
import type { Outcome } from '../forward/served.ts';
import type { UpstreamError, UpstreamStatus } from '../forward/upstream-error.ts';
import type { Judged } from '../guard/checkpoint.ts';
import { plural } from '../plural.ts';
import type { Answer } from '../rules/catalogue.ts';
import { errorCodes, type Fault, inStream } from '../wire/h2-faults.ts';
import { type Frame, flags } from '../wire/h2-frames.ts';
import { fieldText, h2Request } from '../wire/h2-request.ts';
import type { FieldBlock } from '../wire/hpack-decoder.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { ends } from './closed-streams.ts';
import type { Http2Connection } from './connection.ts';
import { DiscardedRest } from './discarded-rest.ts';
import { answerRefusal, recordDefect, recordHead, tooLarge } from './refused-request.ts';
import { RequestBody, trailersFault } from './request-body.ts';
import { Response } from './response.ts';
import { asHandshake, type Handshake } from './websocket-handshake.ts';

const { protocolError, internalError, streamClosed, flowControlError, cancel, noError, enhanceYourCalm } =
  errorCodes;

export class Http2Stream implements ClientSide {
  readonly id: number;
  readonly #connection: Http2Connection;
  /** None: browsers use logins that belong to a connection (NTLM) over HTTP/1.1 only. */
  readonly connection = null;
  readonly #response: Response;
  #judged: Judged | null = null;
  #group: BackendGroup | null = null;
  #attempt: Attempt | null = null;
  /** The attempt's backend, kept after its end. */
  #backend: Attempt['backend'] = null;
  /** The attempt got the whole body at once. */
  #whole = false;
  #start = 0;
  #contentLength = -1;
  /** Null: the request has none. */
  #body: RequestBody | null = null;
  /** The answer is complete. */
  answered = false;
  /** Not null: the answer does not wait for the rest of the request. */
  #rest: DiscardedRest | null = null;
  /** Null: not a WebSocket. */
  #handshake: Handshake | null = null;
  #upgraded = false;
  /** When an upgraded stream last carried something. */
  #activeAt = 0;

  constructor(connection: Http2Connection, id: number, sendWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.#response = new Response(id, connection, sendWindow, this.#onAnswered, this.#onRoom);
  }

  /** The head of the answer is sent. */
  get #begun(): boolean {
    return this.#response.status !== 0;
  }

  get #remoteEnded(): boolean {
    return this.#body === null || this.#body.ended;
  }

  /** The head of the request. */
  begin({ fields, tooLong }: FieldBlock, endsStream: boolean): void {
    const { server, socket } = this.#connection;
    const { checkpoint, rateLimits, limits } = server.options;
    this.#start = performance.now();
    const { request, contentLength, expect } = h2Request(fields, endsStream);
    if (!endsStream) this.#body = new RequestBody(this.id, this.#connection);
    const judged = checkpoint.judgeRead(tooLong ? tooLarge(request, limits.headerBytes) : request, socket);
    const { verdict } = judged;
    // Section 8.1.1: a malformed request is reset, whatever the policy says about its rule.
    if (!tooLong && request.defects !== undefined) {
      this.#resetUnanswered(judged, protocolError);
      this.#connection.leave();
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
    const continues = expect === '100-continue';
    if (expect !== null && expect !== '' && !continues) this.#answer(417, []);
    else if (contentLength > this.#maxBody) this.#answer(413, []);
    else {
      if (continues && !endsStream) this.#response.inform(100, '');
      this.#serve(judged);
    }
  }

  onDataFrame(frame: Frame): Fault | null {
    const body = this.#body;
    if (body === null || body.ended) return inStream(streamClosed, 'DATA after the end of the stream');
    if (!body.take(frame.length)) return inStream(flowControlError, 'more DATA than the stream takes');
    const { bytes, start, end, length } = frame;
    const ended = (frame.flags & flags.endStream) !== 0;
    if (this.#rest !== null) {
      this.#rest.take(frame);
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
  onTrailers(block: FieldBlock, endsStream: boolean): Fault | null {
    if (this.#remoteEnded) return inStream(streamClosed, 'HEADERS after the end of the stream');
    const why = trailersFault(block, endsStream);
    if (why === null || this.#rest !== null) return this.#endRequest(block.fields);
    return this.#malformed(why, `\r\n${fieldText(block.fields)}`);
  }

  /** The client changes the send window. @returns false where that exceeds 2^31-1 */
  widen(change: number): boolean {
    return this.#response.widen(change);
  }

  /** Resets it. */
  fail(code: number): void {
    this.cancel('refused');
    this.#connection.reset(this, code);
  }

  /** The client is gone, or wants no answer. */
  cancel(outcome: Outcome = this.#begun ? 'cut' : 'aborted'): void {
    this.#rest?.end();
    this.#endAttempt()?.cancel();
    this.#response.drop();
    this.#body?.drop();
    if (!this.answered) this.#report(outcome);
  }

  checkDeadline(now: number): void {
    const { stall, minRate, upgradeIdle } = this.#connection.server.options.limits;
    if (this.#rest !== null && this.answered) {
      if (this.#rest.expired(now)) this.fail(noError);
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
      // RFC 8441 section 5: a 2xx would tell the client that its WebSocket is open.
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
      // A cut response must not look complete.
      this.cancel('cut');
      this.#connection.reset(this, error.byClient ? cancel : internalError);
      return;
    }
    this.#answerFailure(error.status);
  }

  onDrain(): void {
    this.#body?.resume();
  }

  /** Limit of the body, in bytes. An upgraded stream has none: it carries WebSocket frames. */
  get #maxBody(): number {
    const verdict = this.#judged?.verdict;
    return (verdict?.upgrade === true ? undefined : verdict?.site?.maxBody) ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Where both sides send at once (gRPC) either may be silent. There the backend's deadlines are the bound, and a waiting stream
   * occupies no backend connection.
   */
  #bodyTooSlow(now: number, stall: number, minRate: number): boolean {
    const multiplexed = this.#group?.multiplexed === true;
    if (this.#body === null || (multiplexed && this.#begun)) return false;
    return this.#body.tooSlow(now, stall, multiplexed ? 0 : minRate);
  }

  /** The request is for a backend and has not been sent. */
  get #waits(): boolean {
    return this.#group !== null && this.#attempt === null && !this.#begun && this.#rest === null;
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

  /** Forwards the request with its whole body, or with as much as is buffered of a longer one. */
  #send(): void {
    const { server, socket } = this.#connection;
    const judged = this.#judged!;
    const { upgrade } = judged.verdict;
    if (upgrade) {
      this.#handshake = asHandshake(judged);
      this.#activeAt = server.now;
    }
    const hasBody = !upgrade && this.#body !== null && this.#contentLength !== 0;
    const incoming = hasBody ? this.#body!.incoming(this.#contentLength) : null;
    this.#whole = incoming === null ? !upgrade : incoming.whole;
    this.#attempt = server.options.forwarder.attempt(
      this.#group!,
      this.#handshake?.judged ?? judged,
      'encrypted' in socket,
      incoming,
      upgrade,
      this,
    );
    this.#attempt.start();
  }

  /** An answer of the gateway itself; none where the client has left. */
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
    this.#report(this.#upgraded ? 'upgraded' : 'answered');
    if (this.#remoteEnded) this.#done();
    else this.#discardRest(null);
  };

  #report(outcome: Outcome): void {
    const judged = this.#judged;
    this.#judged = null;
    const { onServed } = this.#connection.server.options;
    if (judged === null || onServed === null) return;
    const status = this.#upgraded ? 101 : this.#response.status || (outcome === 'refused' ? 400 : 499);
    const { sent } = this.#response;
    onServed({ judged, status, outcome, sent, start: this.#start, backend: this.#backend });
  }

  /**
   * RFC 9113 section 8.1: an answer may come before the end of the request. The stream is not reset at once, since curl 7.88 would
   * throw the answer away with it.
   */
  #discardRest(refused: Judged | null): void {
    const body = this.#body!;
    body.drop();
    this.#rest ??= new DiscardedRest(this.#connection, body, refused);
  }

  #done(): void {
    this.#body?.drop();
    this.#connection.finished(this, ends.whole);
  }

  #endRequest(trailers: readonly string[]): Fault | null {
    const body = this.#body!;
    if (this.#rest !== null) {
      body.end([]);
      this.#rest.end();
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

  /** Answers without waiting for the rest of the request. */
  #breakOff(status: number): void {
    this.#endAttempt()?.cancel();
    if (this.#begun) this.fail(cancel);
    else this.#answer(status, []);
  }

  #answerFailure(status: UpstreamStatus): void {
    const { headers, text } = failureAnswer(status);
    this.#answer(status, headers, text);
  }

  #failHandshake(): void {
    this.#endAttempt()?.cancel();
    this.#answerFailure(502);
  }

  /** Section 8.1.1. */
  #wrongLength(received: number): Fault {
    return this.#malformed(
      `a Content-Length of ${this.#contentLength} before ${plural(received, 'byte')}`,
      '',
    );
  }

  /** The rest of the request is malformed. @param text of it, as evidence */
  #malformed(why: string, text: string): Fault {
    recordDefect(this.#connection, this.#judged!, why, text);
    this.#connection.leave();
    return inStream(protocolError, why);
  }

  #resetUnanswered(judged: Judged, code: number): void {
    recordHead(this.#connection, judged);
    this.#body?.drop();
    this.#connection.reset(this, code);
  }

  /** Answers at once and keeps what the sender still sends as evidence. */
  #refuse(judged: Judged, answer: Answer, headers: readonly string[]): void {
    if (answer === 'drop') {
      this.#resetUnanswered(judged, cancel);
      return;
    }
    if (this.#remoteEnded) recordHead(this.#connection, judged);
    else this.#discardRest(judged);
    answerRefusal(this.#response, judged, answer, headers);
  }
}
