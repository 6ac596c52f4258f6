/**
 * One request to the backends of its site, for every front end: picks a backend, takes a connection, sends, retries, counts,
 * ejects and gives up; for plain requests, streamed bodies and upgrades.
 */
import type { EventEmitter } from 'node:events';
import type { Counters } from '../events/counters.ts';
import { fieldLines, type ResponseHead } from '../wire/response-head.ts';
import type { Backend, BackendGroup } from './backend-group.ts';
import type { Waiter } from './bounded-pool.ts';
import { idempotent } from './idempotent.ts';
import { offerWhatPasses } from './node-response.ts';
import { Replay } from './replay.ts';
import { allowedTrailers } from './trailers.ts';
import { UpstreamError } from './upstream-error.ts';
import type { Exchange, ResponseEvents, ResponseSink, UpstreamRequest } from './upstream-exchange.ts';

export interface OutgoingRequest extends UpstreamRequest {
  /** Its credentials log in the connection, not the request (NTLM, Negotiate). */
  readonly login: boolean;
  /** Address of the client. */
  readonly address: string;
  /** The client speaks TLS. */
  readonly secure: boolean;
  /** The backend that its cookie names; null: none. */
  readonly sticky: Backend | null;
}

/**
 * The client's side of an attempt: an HTTP/1 connection, an HTTP/2 stream, or a response of Node. If `onFailure` comes before
 * `onHead`, it sends `failureAnswer`; after `onHead`, it cuts the response so that it does not look complete. It never gets a 100, a 101,
 * or trailers that must not be passed on.
 */
export interface ClientSide extends ResponseEvents {
  /** The connection of the client, on whose behalf one to a backend is logged in (`connection-login.ts`); null: none. */
  readonly connection: EventEmitter | null;
}

export interface AttemptWatch {
  /** Called for every failure of a backend, after the client has its answer. */
  readonly onFailure: (error: UpstreamError) => void;
  /** Whether an idempotent request that may have been acted on is sent again. */
  readonly resend: boolean;
  /** Count how long backends take to answer. */
  readonly counters?: Counters | undefined;
}

export class Attempt implements ResponseSink, Waiter {
  readonly #watch: AttemptWatch;
  /** The backends of the site. */
  readonly #group: BackendGroup;
  readonly #request: OutgoingRequest;
  readonly #client: ClientSide;
  /** The backend that has the request, or had it last. */
  #backend: Backend | null = null;
  #exchange: Exchange | null = null;
  /** Backends that accepted no connection. */
  #unreachable: Backend[] = none;
  #retried = false;
  /** Connections that drained before they processed it. */
  #drained = 0;
  /** What `write` sent, kept for a retry on another stream: a draining backend leaves some requests unprocessed. Null: not kept. */
  #replay: Replay | null;
  /** `onReady` has reached the client. */
  #ready = false;
  /** 1xx passed on so far. */
  #informed = 0;
  #over = false;
  readonly #start = performance.now();

  constructor(watch: AttemptWatch, group: BackendGroup, request: OutgoingRequest, client: ClientSide) {
    this.#watch = watch;
    this.#group = group;
    this.#request = request;
    this.#client = client;
    this.#replay = group.multiplexed ? new Replay() : null;
  }

  /** The client's side is called from now on, maybe before this returns. */
  start(): void {
    this.#take();
  }

  /** The backend that has the request or had it last, and when the attempt began (`performance.now`). */
  get backend(): { readonly name: string; readonly start: number } | null {
    return this.#backend === null ? null : { name: this.#backend.pool.name, start: this.#start };
  }

  /**
   * More of the request body, or of the upgraded protocol, once `onReady` was called.
   *
   * @returns false where the caller should wait for `onDrain`
   */
  write(data: Buffer): boolean {
    if (this.#over || data.length === 0) return true;
    this.#replay?.add(data);
    // Between two tries: the next one sends what is kept, then drains.
    return this.#exchange?.write(data) ?? false;
  }

  /** The request body is complete. @param trailers name, value, name, value … */
  finish(trailers: readonly string[]): void {
    const allowed = allowedTrailers(trailers);
    this.#replay?.finish(allowed);
    this.#exchange?.finish(allowed);
  }

  /** Of an upgraded connection: the client has ended its side. */
  end(): void {
    this.#exchange?.end();
  }

  /** The client takes nothing more for now. */
  pause(): void {
    this.#exchange?.pause();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  /** The client is gone, or wants no answer. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#backend?.pool.leave(this);
    this.#exchange?.destroy();
    this.#exchange = null;
  }

  get client(): EventEmitter | null {
    return this.#client.connection;
  }

  #take(): void {
    const { address, sticky } = this.#request;
    try {
      this.#backend = this.#group.pick(this.#unreachable, this.client, address, sticky);
      this.#backend.pool.take(this);
    } catch (error) {
      // Node throws at the first dial if it refuses a setting, of TLS for example: answer 502 instead of crashing.
      this.#giveUp(new UpstreamError(502, `cannot dial: ${String(error)}`, 'unsent', error));
    }
  }

  onConnection(exchange: Exchange): void {
    this.#exchange = exchange;
    if (this.#request.login) exchange.belongTo(this.client);
    exchange.send(this.#request, this);
  }

  onReady(): void {
    if (!this.#ready || this.#replay === null) {
      this.#ready = true;
      this.#client.onReady();
    } else {
      this.#replay.sendTo(this.#exchange!);
      this.#client.onDrain();
    }
  }

  onInformation(head: ResponseHead): void {
    // Dropped: the front end answers Expect itself (RFC 9110 section 10.1.1).
    if (head.status === 100) return;
    if (this.#informed++ < maxInformed) this.#client.onInformation(head);
    else this.#giveUp(new UpstreamError(502, `${this.#backend!.name} answers with 1xx and nothing else`));
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const backend = this.#backend!;
    this.#replay = null;
    this.#group.succeeded(backend, head.status);
    this.#watch.counters?.backend(backend.pool.name).observe((performance.now() - this.#start) / 1000);
    const { method } = this.#request;
    const offered = method === 'OPTIONS' || head.status === 405 ? offering(head) : head;
    const edits = this.#group.fields.response;
    const edited = edits === null ? offered : offered.with({ fields: edits.applyTo(offered.fields) });
    this.#client.onHead(this.#withCookie(edited), whole);
    // Last: if the client's side throws above, the attempt is not over.
    if (whole !== null) this.#end();
  }

  onUpgrade(head: ResponseHead): void {
    this.#group.succeeded(this.#backend!, head.status);
    this.#client.onUpgrade(this.#withCookie(head));
  }

  onData(data: Buffer): void {
    this.#client.onData(data);
  }

  onEnd(trailers: readonly string[]): void {
    this.#client.onEnd(trailers.length === 0 ? trailers : allowedTrailers(trailers));
    this.#end();
  }

  onDrain(): void {
    this.#client.onDrain();
  }

  onFailure(error: UpstreamError): void {
    const backend = this.#backend!;
    this.#exchange = null;
    if (this.#over) return;
    if (error.status !== 503 && !error.byClient) this.#group.failed(backend, error.message);
    // After `onReady` the client writes whenever more of the body arrives, so it can't be sent again unless it was kept.
    const kept = this.#replay?.possible ?? (!this.#ready || this.#request.ended);
    if (kept && this.#mayTryAgain(error, backend)) this.#take();
    else this.#giveUp(error);
  }

  #withCookie(head: ResponseHead): ResponseHead {
    const { sticky, secure } = this.#request;
    return this.#group.cookie?.putInto(head, this.#backend!, sticky, secure) ?? head;
  }

  /** An unsent request goes to each backend once; one that may have been acted on is sent at most twice. */
  #mayTryAgain(error: UpstreamError, backend: Backend): boolean {
    if (error.drained) return this.#drained++ < maxDrained;
    if (error.unsent) {
      this.#unreachable = [...this.#unreachable, backend];
      const { backends } = this.#group;
      if (this.#unreachable.length < backends.length) return true;
      // A single backend gets a second try: it may be starting.
      return backends.length === 1 && this.#unreachable.length === 1;
    }
    if (this.#retried || !this.#watch.resend || !error.retryable || !idempotent.has(this.#request.method))
      return false;
    this.#retried = true;
    return true;
  }

  #giveUp(error: UpstreamError): void {
    this.cancel();
    this.#client.onFailure(error);
    this.#watch.onFailure(error);
  }

  #end(): void {
    this.#over = true;
    this.#exchange = null;
  }
}

const none: Backend[] = [];
/** nginx ends a connection after `keepalive_requests`, however many requests are on their way by then. */
const maxDrained = 10;
/** 1xx of one exchange: more would pile up for a client that does not read. */
const maxInformed = 32;

function offering(head: ResponseHead): ResponseHead {
  const raw = head.rawHeaders;
  offerWhatPasses(raw);
  return head.with({ fields: fieldLines(raw) });
}
