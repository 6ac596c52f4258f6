/** The client's side of an attempt where the client came by a server of Node: the `forward` plugin in anybody's own app. */
import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { constants } from 'node:http2';
import type { Writable } from 'node:stream';
import { isHttp2, type Request, type Response } from '../guard/received.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import type { Attempt, ClientSide } from './attempt.ts';
import { failureAnswer } from './failure-answer.ts';
import { addTrailers, dropTrailerField, writeHead, writeInformation } from './respond.ts';
import type { UpstreamError } from './upstream-error.ts';

export class NodeExchange implements ClientSide {
  readonly #req: Request;
  readonly #res: Response;
  readonly #expectsContinue: boolean;
  readonly #hasBody: boolean;
  #attempt: Attempt | null = null;
  #ended = false;
  #pumping = false;
  /** The client takes nothing more for now. */
  #slow = false;

  /**
   * @param hasBody a body comes behind the head
   * @param expectsContinue the client waits for `100 Continue` before it sends it
   */
  constructor(req: Request, res: Response, hasBody: boolean, expectsContinue: boolean) {
    this.#req = req;
    this.#res = res;
    this.#hasBody = hasBody;
    this.#expectsContinue = expectsContinue;
  }

  /** Sends the request. @param chunked its body comes in chunked coding */
  begin(attempt: Attempt, chunked: boolean): void {
    this.#attempt = attempt;
    this.#client.on('close', this.#onClientGone);
    // The bytes that came with the head may hold a malformed chunk, which the parser tells of next: then nobody is
    // dialled for it.
    if (!chunked || isHttp2(this.#req)) attempt.start();
    else setImmediate(() => this.#ended || !this.#req.socket.writable || attempt.start());
  }

  get connection(): EventEmitter | null {
    const req = this.#req;
    return isHttp2(req) ? (req.stream.session ?? null) : req.socket;
  }

  /** What closes when the client goes away. A response of HTTP/2 does not, where it answers HEAD. */
  get #client(): EventEmitter {
    return isHttp2(this.#req) ? this.#req.stream : this.#res;
  }

  onReady(): void {
    if (!this.#hasBody) return;
    this.#pumping = true;
    if (this.#expectsContinue) writeInformation(this.#res, 100, []);
    this.#req.on('data', this.#onRequestData);
    this.#req.on('end', this.#onRequestEnd);
    this.#req.on('error', ignore);
  }

  onInformation(head: ResponseHead): void {
    // RFC 9110 section 15.2: none to an HTTP/1.0 client.
    if (this.#req.httpVersion === '1.0' || this.#res.headersSent) return;
    writeInformation(this.#res, head.status, head.rawHeaders);
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const res = this.#res;
    const raw = head.rawHeaders;
    if (head.framing !== 'chunked' || this.#req.httpVersion === '1.0') dropTrailerField(raw);
    // RFC 9110 section 15.3.6. Node's HTTP/2 ends the stream behind such a head and resets it at the first byte.
    if (head.status === 205 && head.framing !== 'none' && isHttp2(this.#req))
      throw new TypeError('a 205 with content');
    writeHead(res, head.status, head.reason, raw);
    if (whole === null) return;
    this.#end();
    if (whole === '') res.end();
    else res.end(whole, 'latin1');
  }

  onUpgrade(): void {
    throw new TypeError('a 101 that was not asked for');
  }

  onData(data: Buffer): void {
    if ((this.#res as Writable).write(data) || this.#slow) return;
    // One packet of a backend may hold many chunks, each of which finds the client busy.
    this.#slow = true;
    this.#attempt?.pause();
    this.#res.once('drain', this.#onClientDrain);
  }

  onEnd(trailers: readonly string[]): void {
    if (trailers.length > 0) addTrailers(this.#res, trailers);
    this.#end();
    this.#res.end();
  }

  onDrain(): void {
    this.#req.resume();
  }

  /** Answers for the backend, or breaks off a response that has begun: a cut one must not look whole. */
  onFailure({ status }: UpstreamError): void {
    const req = this.#req;
    const res = this.#res;
    this.#end();
    if (res.headersSent) {
      // HTTP/1.0 knows the end of such a body by the end of the connection: only a reset tells a cut from an end.
      if (req.httpVersion === '1.0') req.socket.resetAndDestroy();
      else if (isHttp2(req)) req.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else res.destroy();
      return;
    }
    if (isHttp2(req) && req.stream.closed) return;
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
    const req = this.#req;
    this.#ended = true;
    this.#client.off('close', this.#onClientGone);
    this.#res.off('drain', this.#onClientDrain);
    if (!this.#hasBody) return;
    req.off('data', this.#onRequestData);
    req.off('end', this.#onRequestEnd);
    if (!req.complete) req.resume();
  }

  readonly #onClientGone = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#attempt?.cancel();
  };

  readonly #onClientDrain = (): void => {
    this.#slow = false;
    this.#attempt?.resume();
  };

  readonly #onRequestData = (data: Buffer): void => {
    if (this.#pumping && this.#attempt?.write(data) === false) this.#req.pause();
  };

  readonly #onRequestEnd = (): void => {
    this.#attempt?.finish((this.#req as IncomingMessage).rawTrailers ?? []);
  };
}

const ignore = (): void => {};
