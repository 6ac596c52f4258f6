/** The backends of one site. */
import type { EventEmitter } from 'node:events';
import { speaksHttp2 } from './backend.ts';
import type { BackendCookie } from './backend-cookie.ts';
import { BackendHealth } from './backend-health.ts';
import { type Balance, type BalancePolicy, balance } from './balance.ts';
import type { BackendPool } from './bounded-pool.ts';
import type { FieldEdits } from './field-edits.ts';
import { HealthCheck, type HealthOptions } from './health-check.ts';

const unchanged: FieldChanges = { request: null, response: null };

export interface GroupOptions {
  readonly balance: BalancePolicy;
  /** Null: only the outcome of requests tells whether a backend is healthy. */
  readonly health: HealthOptions | null;
  /** Edits to the fields of messages. @default none */
  readonly fields?: FieldChanges | undefined;
  /** Keeps clients with their backend. @default no cookie */
  readonly cookie?: BackendCookie<Backend> | undefined;
  /** Called when a backend is ejected (`healthy` is false) or gets requests again. */
  readonly onChange: (backend: Backend, healthy: boolean, why: string) => void;
}

/** Null: fields pass unchanged. */
export interface FieldChanges {
  readonly request: FieldEdits | null;
  readonly response: FieldEdits | null;
}

/** One backend of a site. Its pool may be shared with other sites. */
export class Backend {
  readonly pool: BackendPool;
  readonly weight: number;
  readonly health: BackendHealth;

  constructor(pool: BackendPool, weight: number, health = new BackendHealth()) {
    this.pool = pool;
    this.weight = weight;
    this.health = health;
  }

  get name(): string {
    return this.pool.name;
  }

  get load(): number {
    return this.pool.load;
  }
}

export class BackendGroup {
  readonly backends: readonly Backend[];
  readonly fields: FieldChanges;
  readonly cookie: BackendCookie<Backend> | null;
  /** All backends speak HTTP/2: each exchange has its own stream, so a request is forwarded as it arrives, without buffering. */
  readonly multiplexed: boolean;
  readonly #options: GroupOptions;
  readonly #balance: Balance<Backend>;
  readonly #checks: readonly HealthCheck[];

  constructor(backends: readonly Backend[], options: GroupOptions) {
    this.backends = backends;
    this.#options = options;
    this.fields = options.fields ?? unchanged;
    this.cookie = options.cookie ?? null;
    this.multiplexed = backends.every(({ pool }) => speaksHttp2(pool.address));
    this.#balance = balance(options.balance);
    const { health } = options;
    if (health === null) for (const backend of backends) backend.health.unchecked();
    this.#checks = health === null ? [] : backends.map((backend) => this.#check(backend, health));
  }

  /**
   * The backend for the next request. Where all are ejected, the one whose ejection ends first: a try is better than a certain 502.
   *
   * @param not those that this request has failed on
   * @param client the connection of the client: if it logged in on a connection to a backend, that backend gets its requests
   * @param address of the client
   * @param sticky the backend that the cookie names; null: none
   */
  pick(
    not: readonly Backend[],
    client: EventEmitter | null,
    address: string,
    sticky: Backend | null = null,
  ): Backend {
    const { backends } = this;
    if (backends.length === 1) return backends[0]!;
    const now = performance.now();
    const healthy = backends.filter((backend) => !not.includes(backend) && !backend.health.ejected(now));
    const own = client === null ? undefined : healthy.find(({ pool }) => pool.keepsFor(client));
    if (own !== undefined) return own;
    if (sticky !== null && healthy.includes(sticky)) return sticky;
    if (healthy.length > 0) return this.#balance(healthy, address);
    const left = backends.filter((backend) => !not.includes(backend));
    const others = left.length > 0 ? left : backends;
    return others.reduce((best, one) => (one.health.ejectedUntil < best.health.ejectedUntil ? one : best));
  }

  succeeded(backend: Backend, status: number): void {
    if (backend.health.succeeded(status)) this.#options.onChange(backend, true, 'answers requests again');
  }

  failed(backend: Backend, why: string): void {
    if (backend.health.failed(performance.now())) this.#options.onChange(backend, false, why);
  }

  close(): void {
    for (const check of this.#checks) check.close();
    for (const { pool } of this.backends) pool.close();
  }

  #check(backend: Backend, health: HealthOptions): HealthCheck {
    return new HealthCheck(backend.pool.address, health, (problem) => {
      if (backend.health.checked(problem === null, health))
        this.#options.onChange(backend, problem === null, problem ?? `answers ${health.path} again`);
    });
  }
}
