/** Active health checks: asks a backend at intervals. */
import type { ResponseHead } from '../wire/response-head.ts';
import { type BackendAddress, speaksHttp2 } from './backend.ts';
import type { Settling } from './backend-health.ts';
import { BackendStream } from './backend-stream.ts';
import { grpcFields, grpcHealthPath, grpcProblem, grpcQuestion, longestAnswer } from './grpc-health.ts';
import { StreamConnection } from './stream-connection.ts';
import { UpstreamConnection } from './upstream-connection.ts';
import type { UpstreamError } from './upstream-error.ts';
import type { ResponseSink } from './upstream-exchange.ts';

export interface HealthOptions extends Settling {
  /** Request-target of the check, origin form. */
  readonly path: string;
  /** Its Host. */
  readonly host: string;
  /** Milliseconds between two checks. */
  readonly interval: number;
  /** Milliseconds until an answer must be there. */
  readonly timeout: number;
}

export class HealthCheck {
  readonly #address: BackendAddress;
  readonly #options: HealthOptions;
  /** Called with every result: what is wrong, or null. */
  readonly #onResult: (problem: string | null) => void;
  readonly #timer: NodeJS.Timeout;
  #probe: HealthProbe | null = null;

  constructor(address: BackendAddress, options: HealthOptions, onResult: (problem: string | null) => void) {
    this.#address = address;
    this.#options = options;
    this.#onResult = onResult;
    this.#timer = setInterval(() => this.#run(), options.interval).unref();
    this.#run();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#probe?.cancel();
  }

  #run(): void {
    if (this.#probe !== null) return;
    this.#probe = new HealthProbe(this.#address, this.#options, (problem) => {
      this.#probe = null;
      this.#onResult(problem);
    });
    this.#probe.start();
  }
}

/**
 * One check. It passes with a status below 400 in time; a gRPC health call passes with SERVING. Each check opens a new connection of
 * its own: in the queue of the pool a busy backend would look like one that is down, and an open connection does not show whether
 * the backend still accepts new ones.
 */
class HealthProbe implements ResponseSink {
  readonly client = null;
  readonly #address: BackendAddress;
  readonly #options: HealthOptions;
  readonly #done: (problem: string | null) => void;
  #timer: NodeJS.Timeout | undefined;
  #connection: UpstreamConnection | StreamConnection | null = null;
  #settled = false;
  /** The gRPC answer so far; null: not a gRPC check. */
  #answer: Buffer | null;

  constructor(address: BackendAddress, options: HealthOptions, done: (problem: string | null) => void) {
    this.#address = address;
    this.#options = options;
    this.#done = done;
    this.#answer = speaksHttp2(address) && options.path === grpcHealthPath ? Buffer.alloc(0) : null;
  }

  start(): void {
    const { timeout, path, host } = this.#options;
    this.#timer = setTimeout(() => this.#settle(`did not answer ${path} within ${timeout} ms`), timeout);
    const limits = { connect: timeout, headers: timeout, body: timeout };
    const grpc = this.#answer !== null;
    const more = grpc ? grpcFields : 'Connection: close\r\n';
    const method = grpc ? 'POST' : 'GET';
    const request = {
      method,
      framing: grpc ? ('chunked' as const) : ('none' as const),
      head: `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: sekisho-health\r\n${more}\r\n`,
      body: grpc ? grpcQuestion : null,
      trailers: [],
      ended: true,
      upgrade: false,
    };
    try {
      this.#connection = speaksHttp2(this.#address)
        ? new StreamConnection(this.#address, limits, stoppedClock, {
            onReady: (connection) => new BackendStream(connection).send(request, this),
            onRoom: ignore,
            onGone: (_, error) => error !== null && this.onFailure(error),
          })
        : new UpstreamConnection(this.#address, limits, stoppedClock, ignore);
    } catch (error) {
      // Settings that Node refuses (of TLS, say) throw at the dial.
      this.#settle(`cannot be dialled: ${String(error)}`);
      return;
    }
    if (this.#connection instanceof UpstreamConnection) this.#connection.send(request, this);
  }

  /** Ends it without a result. */
  cancel(): void {
    this.#settled = true;
    this.#end();
  }

  onHead({ status, rawHeaders }: ResponseHead, whole: string | null): void {
    if (this.#answer === null || status >= 400)
      this.#settle(status < 400 ? null : `answers ${this.#options.path} with ${status}`);
    else if (whole !== null) this.#settle(grpcProblem(this.#answer, rawHeaders));
  }

  onFailure(error: UpstreamError): void {
    this.#settle(error.message);
  }

  onReady(): void {}
  onUpgrade(): void {}
  onInformation(): void {}
  onData(data: Buffer): void {
    const all = Buffer.concat([this.#answer ?? data, data]);
    this.#answer = all;
    if (all.length > longestAnswer)
      this.#settle(`answers a gRPC health check with more than ${longestAnswer} bytes`);
  }
  onEnd(trailers: readonly string[]): void {
    this.#settle(grpcProblem(this.#answer ?? Buffer.alloc(0), trailers));
  }
  onDrain(): void {}

  #settle(problem: string | null): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#end();
    this.#done(problem);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#connection?.destroy();
  }
}

const ignore = (): void => {};
/** A clock that stands still: the only deadline is the timer of the probe. */
const stoppedClock = { now: 0 };
