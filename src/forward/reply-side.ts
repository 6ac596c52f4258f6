/** The client's side of an attempt in an app of your own: the answer goes out as a Fastify reply, so that the app's hooks see it. */
import type { EventEmitter } from 'node:events';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isHttp2 } from '../guard/received.ts';
import { errorCodes } from '../wire/h2-faults.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import type { Attempt, ClientSide } from './attempt.ts';
import { failureAnswer } from './failure-answer.ts';
import { addTrailers, writeInformation } from './node-response.ts';
import type { UpstreamError } from './upstream-error.ts';

/** Fields by lower-case name; several lines of one name are an array. */
export type Fields = Record<string, string | string[]>;

/** The answer of a backend, before it is sent. */
export interface BackendResponse {
  readonly statusCode: number;
  readonly headers: Fields;
  /** The body; null where there is none. */
  readonly stream: Readable | null;
}

export interface ReplyOptions {
  /**
   * Changes the fields that the backend gets, except Host, framing, hop-by-hop and forwarding fields: those are rewritten. If it
   * throws, the answer is 500 and no backend is dialled.
   */
  readonly rewriteRequestHeaders?: (request: FastifyRequest, headers: Fields) => Fields;
  /** Changes the fields that the client gets. If it throws, the answer is 500. */
  readonly rewriteHeaders?: (headers: Fields, request: FastifyRequest) => Fields;
  /** Sends the answer itself: status and fields are set, `reply.send(response.stream)` sends the body. */
  readonly onResponse?: (request: FastifyRequest, reply: FastifyReply, response: BackendResponse) => void;
  /** Answers where no backend did; `error.status` is the status that the client would get. */
  readonly onError?: (reply: FastifyReply, failure: { readonly error: UpstreamError }) => void;
}

export class ReplySide implements ClientSide {
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #options: ReplyOptions;
  /** The rest of the request body. */
  readonly #source: Readable | null;
  #attempt: Attempt | null = null;
  #answer: BackendBody | null = null;
  #headed = false;
  #over = false;

  constructor(
    request: FastifyRequest,
    reply: FastifyReply,
    source: Readable | null,
    options: ReplyOptions = {},
  ) {
    this.#request = request;
    this.#reply = reply;
    this.#source = source;
    this.#options = options;
  }

  /** Sends the request. @param chunked its body is chunked */
  begin(attempt: Attempt, chunked: boolean): void {
    const { raw } = this.#request;
    this.#attempt = attempt;
    this.#client.on('close', this.#onClientGone);
    // The packet of the head may hold a malformed chunk, which the parser reports next: then no backend is dialled.
    if (!chunked || isHttp2(raw)) attempt.start();
    else setImmediate(() => this.#over || raw.socket?.writable === false || attempt.start());
  }

  get connection(): EventEmitter | null {
    const { raw } = this.#request;
    return isHttp2(raw) ? (raw.stream.session ?? null) : (raw.socket ?? null);
  }

  /** Emits 'close' when the client goes away. An HTTP/2 response to HEAD does not. */
  get #client(): EventEmitter {
    const { raw } = this.#request;
    return isHttp2(raw) ? raw.stream : this.#reply.raw;
  }

  onReady(): void {
    const source = this.#source;
    if (source === null) return;
    source.on('data', this.#onRequestData).on('end', this.#onRequestEnd).on('error', ignore);
  }

  onInformation(head: ResponseHead): void {
    // RFC 9110 section 15.2: none to an HTTP/1.0 client.
    const { raw } = this.#reply;
    if (this.#request.raw.httpVersion === '1.0' || raw.headersSent) return;
    writeInformation(raw, head.status, head.rawHeaders);
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const { raw } = this.#request;
    // RFC 9110 section 15.3.6. Node's HTTP/2 ends the stream after such a head and resets it at the first byte.
    if (head.status === 205 && head.framing !== 'none' && isHttp2(raw))
      throw new TypeError('a 205 with content');
    if (head.status > 599) throw new TypeError(`a status of ${head.status}, which Fastify does not send`);
    this.#headed = true;
    const headers = fieldsOf(head.rawHeaders);
    if (isHttp2(raw)) oneLineEach(headers);
    if (head.framing !== 'chunked' || raw.httpVersion === '1.0') delete headers.trailer;
    if (whole === null) this.#answer = new BackendBody(this.#attempt!);
    const stream = this.#answer ?? (whole === '' ? null : Readable.from([Buffer.from(whole!, 'latin1')]));
    if (whole !== null) this.#end();
    this.#send({ statusCode: head.status, headers, stream }, head.reason);
  }

  #send({ statusCode, headers, stream }: BackendResponse, reason: string): void {
    const [request, reply] = [this.#request, this.#reply];
    const { rewriteHeaders, onResponse } = this.#options;
    try {
      const fields = rewriteHeaders === undefined ? headers : rewriteHeaders(headers, request);
      reply.code(statusCode).headers(fields);
      // The usual reason is left to Node: a hook may still change the status.
      if (!isHttp2(request.raw) && reason !== STATUS_CODES[statusCode])
        (reply.raw as ServerResponse).statusMessage = reason;
      if (onResponse !== undefined) onResponse(request, reply, { statusCode, headers: fields, stream });
      else if (stream === null) reply.send();
      else reply.send(stream);
    } catch (error) {
      this.#stop();
      stream?.destroy();
      fail(reply, error);
    }
  }

  onUpgrade(): void {
    throw new TypeError('a 101 that was not requested');
  }

  onData(data: Buffer): void {
    if (this.#answer?.push(data) === false) this.#attempt?.pause();
  }

  onEnd(trailers: readonly string[]): void {
    const { raw } = this.#reply;
    if (trailers.length > 0 && !raw.writableEnded) addTrailers(raw, trailers);
    this.#end();
    this.#answer?.push(null);
  }

  onDrain(): void {
    this.#source?.resume();
  }

  /** Answers for the backend, or breaks off a response that has begun: a cut one must not look complete. */
  onFailure(error: UpstreamError): void {
    const [{ raw }, reply] = [this.#request, this.#reply];
    this.#end();
    if (this.#headed) {
      // In HTTP/1.0 the end of the connection ends such a body: only a reset shows that it was cut.
      if (raw.httpVersion === '1.0' && !isHttp2(raw)) raw.socket.resetAndDestroy?.();
      // RFC 9113 section 8.1: an end without an error would make the response look complete.
      const begun = reply.raw.headersSent || (this.#answer?.readableLength ?? 0) > 0;
      if (isHttp2(raw) && begun) raw.stream.close(errorCodes.internalError);
      this.#answer?.destroy(error);
      return;
    }
    this.#headed = true;
    if (!raw.complete && !isHttp2(raw)) reply.header('connection', 'close');
    try {
      if (this.#options.onError !== undefined) this.#options.onError(reply, { error });
      else {
        const { headers, text } = failureAnswer(error.status);
        reply.code(error.status).headers(fieldsOf(headers)).send(text);
      }
    } catch (thrown) {
      fail(reply, thrown);
    }
    raw.resume?.();
  }

  /** Gives up the attempt. */
  #stop(): void {
    this.#attempt?.cancel();
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#client.off('close', this.#onClientGone);
    const source = this.#source;
    if (source === null) return;
    source.off('data', this.#onRequestData).off('end', this.#onRequestEnd);
    if (!source.readableEnded) source.resume();
  }

  readonly #onClientGone = (): void => {
    if (this.#over) return;
    this.#over = true;
    this.#attempt?.cancel();
    this.#answer?.destroy();
  };

  readonly #onRequestData = (data: Buffer | string): void => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (this.#attempt?.write(bytes) === false) this.#source!.pause();
  };

  readonly #onRequestEnd = (): void => {
    this.#attempt?.finish((this.#source as IncomingMessage).rawTrailers ?? []);
  };
}

/** The body of an answer, as a stream for the hooks of the app. */
class BackendBody extends Readable {
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    super();
    this.#attempt = attempt;
  }

  override _read(): void {
    this.#attempt.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#attempt.cancel();
    done(error);
  }
}

/** @param raw name, value, name, value … */
export function fieldsOf(raw: readonly string[]): Fields {
  const fields: Fields = Object.create(null);
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const [value, known] = [raw[i + 1]!, fields[name]];
    fields[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
  }
  return fields;
}

/** Node sends some fields at most once over HTTP/2. RFC 9110 section 5.3: lines may be joined, except cookies. */
function oneLineEach(fields: Fields): void {
  for (const [name, value] of Object.entries(fields))
    if (Array.isArray(value) && name !== 'set-cookie') fields[name] = [...new Set(value)].join(', ');
}

function fail(reply: FastifyReply, error: unknown): void {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
  reply.code(500).send(error instanceof Error ? error : new Error(String(error)));
}

const ignore = (): void => {};
