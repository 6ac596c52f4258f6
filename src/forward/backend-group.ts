/** The backends of one site. */
import type { EventEmitter } from 'node:events';
import { speaksHttp2 } from './backend.ts';
import type { BackendCookie } from './backend-cookie.ts';
import { BackendHealth } from './backend-health.ts';
import { type Balance, type BalancePolicy, balance } from './balance.ts';
import type { FieldEdits } from './field-edits.ts';
import { HealthCheck, type HealthOptions } from './health-check.ts';
import type { BackendPool } from './bounded-pool.ts';

const unchanged: FieldChanges = { request: null, response: null };

export interface GroupOptions {
  readonly balance: BalancePolicy;
  /** Null: backends are judged by what becomes of requests alone. */
  readonly health: HealthOptions | null;
  /** What is changed of the fields that pass. @default nothing */
  readonly fields?: FieldChanges | undefined;
  /** Keeps clients with their backend. @default none does */
  readonly cookie?: BackendCookie<Backend> | undefined;
  /** Told when a backend is ejected (`healthy` is false) or gets requests again. */
  readonly onChange: (backend: Backend, healthy: boolean, why: string) => void;
}

/** Null: they pass as they are. */
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
  /** Each exchange has a stream of its own (HTTP/2), so that a request can go on as it comes. */
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
   * The backend for the next request. Where all are ejected the one that may be tried soonest is: better a try than a
   * certain 502.
   *
   * @param not those that have failed this request
   * @param client the connection of the client: where it has logged in on a connection, that backend gets its requests
   * @param address of the client
   * @param told by its cookie; null: by none
   */
  pick(
    not: readonly Backend[],
    client: EventEmitter | null,
    address: string,
    told: Backend | null = null,
  ): Backend {
    const { backends } = this;
    if (backends.length === 1) return backends[0]!;
    const now = performance.now();
    const healthy = backends.filter((backend) => !not.includes(backend) && !backend.health.ejected(now));
    const own = client === null ? undefined : healthy.find(({ pool }) => pool.keepsFor(client));
    if (own !== undefined) return own;
    if (told !== null && healthy.includes(told)) return told;
    if (healthy.length > 0) return this.#balance(healthy, address);
    const left = backends.filter((backend) => !not.includes(backend));
    const others = left.length > 0 ? left : backends;
    return others.reduce((best, one) => (one.health.ejectedUntil < best.health.ejectedUntil ? one : best));
  }

  /** @param status of the answer */
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
