/** Asks a backend at intervals whether it is well. */
import type { ResponseHead } from '../wire/response-head.ts';
import type { Pool, Waiter } from './pool.ts';
import type { ResponseSink, UpstreamConnection } from './upstream-connection.ts';
import type { UpstreamError } from './upstream-error.ts';

export interface HealthOptions {
  /** Origin-form target of the check. */
  readonly path: string;
  /** Host to send with it. */
  readonly host: string;
  /** Milliseconds between two checks. */
  readonly interval: number;
  /** Milliseconds for an answer. */
  readonly timeout: number;
  /** Successes in a row until the backend is well again. */
  readonly rise: number;
  /** Failures in a row until it is not. */
  readonly fall: number;
}

export class HealthCheck {
  readonly #pool: Pool;
  readonly #options: HealthOptions;
  /** Told when the check settles on another state. */
  readonly #onChange: (passing: boolean, why: string) => void;
  readonly #timer: NodeJS.Timeout;
  #passing = true;
  /** Results in a row that speak against the present state. */
  #against = 0;
  #probe: HealthProbe | null = null;

  constructor(pool: Pool, options: HealthOptions, onChange: (passing: boolean, why: string) => void) {
    this.#pool = pool;
    this.#options = options;
    this.#onChange = onChange;
    this.#timer = setInterval(() => this.#run(), options.interval).unref();
    this.#run();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#probe?.cancel();
  }

  #run(): void {
    if (this.#probe !== null) return;
    this.#probe = new HealthProbe(this.#pool, this.#options, (problem) => {
      this.#probe = null;
      this.#settle(problem);
    });
    this.#probe.start();
  }

  #settle(problem: string | null): void {
    const passing = problem === null;
    this.#against = passing === this.#passing ? 0 : this.#against + 1;
    if (this.#against < (passing ? this.#options.rise : this.#options.fall)) return;
    this.#against = 0;
    this.#passing = passing;
    this.#onChange(passing, problem ?? `answers ${this.#options.path} again`);
  }
}

/** One check: any answer below 400 in time is a good one. */
class HealthProbe implements ResponseSink, Waiter {
  readonly client = null;
  readonly #pool: Pool;
  readonly #options: HealthOptions;
  readonly #done: (problem: string | null) => void;
  #timer: NodeJS.Timeout | undefined;
  #connection: UpstreamConnection | null = null;
  #status = 0;
  #settled = false;

  constructor(pool: Pool, options: HealthOptions, done: (problem: string | null) => void) {
    this.#pool = pool;
    this.#options = options;
    this.#done = done;
  }

  start(): void {
    const { timeout, path } = this.#options;
    this.#timer = setTimeout(() => {
      this.cancel();
      this.#settle(`did not answer ${path} within ${timeout} ms`);
    }, timeout);
    this.#pool.take(this);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#pool.leave(this);
    this.#connection?.destroy();
  }

  onConnection(connection: UpstreamConnection): void {
    const { path, host } = this.#options;
    this.#connection = connection;
    connection.send(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: sekisho-health\r\n\r\n`,
      'GET',
      true,
      this,
    );
  }

  onHead(head: ResponseHead, whole: string | null): void {
    this.#status = head.status;
    if (whole !== null) this.onEnd();
  }

  onEnd(): void {
    this.#settle(this.#status < 400 ? null : `answers ${this.#options.path} with ${this.#status}`);
  }

  onFailure(error: UpstreamError): void {
    this.#settle(error.message);
  }

  onReady(): void {}
  onInformation(): void {}
  onData(): void {}
  onDrain(): void {}

  #settle(problem: string | null): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#done(problem);
  }
}
