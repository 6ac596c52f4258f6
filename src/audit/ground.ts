/** What every technique stands on: the audited port, the canary, and the bounds. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Canary } from './canary.ts';
import { Connection } from './connection.ts';

export interface Bounds {
  /** Milliseconds that an answer may take. */
  readonly patience: number;
  /** Milliseconds between two connections. */
  readonly pace: number;
  /** Connections to the audited server in all. */
  readonly connections: number;
  /** Stops everything. */
  readonly signal: AbortSignal;
}

/** Connections or time are spent; what has not been tried by then stays unclear. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError';
}

/** The budget of one audit, shared by its ports. */
export class Budget {
  readonly bounds: Bounds;
  #left: number;
  #next = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
    this.#left = bounds.connections;
  }

  /** Waits for the next connection's turn. @throws BudgetError */
  async turn(): Promise<void> {
    const { pace, signal, connections } = this.bounds;
    if (this.#left === 0) throw new BudgetError(`the bound of ${connections} connections is reached`);
    this.#left -= 1;
    const wait = this.#next - Date.now();
    if (wait > 0) await delay(wait, undefined, { signal }).catch(() => {});
    if (signal.aborted) throw new BudgetError('the time of the audit is over');
    this.#next = Date.now() + pace;
  }
}

export interface GroundOptions {
  /** The address that is dialled; a name is resolved once, before. */
  readonly address: string;
  readonly port: number;
  /** The host that the server takes for its own, without brackets. */
  readonly name: string;
  readonly canary: Canary;
  readonly budget: Budget;
}

export class Ground {
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly canary: Canary;
  /** HTTP is spoken inside TLS. */
  tls = false;
  /** An answer of each status, cut: who the server is may stand in its error pages alone. */
  readonly #answers = new Map<number, string>();
  readonly #budget: Budget;

  constructor({ address, port, name, canary, budget }: GroundOptions) {
    this.address = address;
    this.port = port;
    this.name = name;
    this.canary = canary;
    this.#budget = budget;
  }

  get patience(): number {
    return this.#budget.bounds.patience;
  }

  get signal(): AbortSignal {
    return this.#budget.bounds.signal;
  }

  /** Some technique was answered in HTTP: the port speaks it, whatever it was taken for at first. */
  get heardHttp(): boolean {
    return this.#answers.size > 0;
  }

  /** What the server has said, an answer of each status. */
  get answers(): string {
    return [...this.#answers.values()].join('\n');
  }

  /** Bounded: 2 KiB of one answer a status. */
  heard(status: number | null, bytes: Buffer): void {
    if (status !== null && !this.#answers.has(status)) {
      this.#answers.set(status, bytes.toString('latin1', 0, 2_048));
    }
  }

  /** `HOST:PORT`. */
  get target(): string {
    return `${bracketed(this.name)}:${this.port}`;
  }

  /** What a browser writes in the Host line of a request to this port. */
  get own(): string {
    return this.port === (this.tls ? 443 : 80) ? bracketed(this.name) : this.target;
  }

  /** The canary can be named by the audited server's own name: both are on one machine. */
  get sharesMachine(): boolean {
    return this.canary.hears(this.address);
  }

  /** A name for SNI: addresses are not allowed there (RFC 6066 section 3). */
  get servername(): string | null {
    return /[a-z]/i.test(this.name) && !this.name.includes(':') ? this.name : null;
  }

  /** @throws UnreachableError, BudgetError */
  async dial(options: { tls?: boolean } = {}): Promise<Connection> {
    await this.#budget.turn();
    const tls = options.tls ?? this.tls;
    return await Connection.dial({
      host: this.address,
      port: this.port,
      tls: tls ? { servername: this.servername, alpn: ['http/1.1'] } : undefined,
      timeout: this.patience,
    });
  }

  /** A turn for a connection that is made elsewhere. @throws BudgetError */
  turn(): Promise<void> {
    return this.#budget.turn();
  }
}

export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
