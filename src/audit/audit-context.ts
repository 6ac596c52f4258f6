/** What every technique needs: the audited port, the canary and the limits. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Canary } from './canary.ts';
import { Connection } from './connection.ts';

export interface Bounds {
  /** Milliseconds to wait for an answer. */
  readonly patience: number;
  /** Milliseconds between two connections. */
  readonly pace: number;
  /** Connections to the audited server in total. */
  readonly connections: number;
  /** Aborts the audit. */
  readonly signal: AbortSignal;
}

/** The connection or time limit is reached; techniques not yet tried stay unclear. */
export class BudgetError extends Error {
  override readonly name = 'BudgetError';
}

/** The limits of one audit, shared by its ports. */
export class Budget {
  readonly bounds: Bounds;
  #left: number;
  #next = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
    this.#left = bounds.connections;
  }

  /** Waits until the next connection may be opened. @throws BudgetError */
  async turn(): Promise<void> {
    const { pace, signal, connections } = this.bounds;
    if (this.#left === 0) throw new BudgetError(`the limit of ${connections} connections is reached`);
    this.#left -= 1;
    const wait = this.#next - Date.now();
    if (wait > 0) await delay(wait, undefined, { signal }).catch(() => {});
    if (signal.aborted) throw new BudgetError('the audit ran out of time');
    this.#next = Date.now() + pace;
  }
}

export interface AuditContextOptions {
  /** The address to dial; a name is resolved once, before the audit. */
  readonly address: string;
  readonly port: number;
  /** A host that the server serves, without brackets. */
  readonly name: string;
  readonly canary: Canary;
  readonly budget: Budget;
}

export class AuditContext {
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly canary: Canary;
  /** The port speaks HTTP inside TLS. */
  tls = false;
  /** One truncated answer per status: some servers name themselves only in error pages. */
  readonly #answers = new Map<number, string>();
  readonly #budget: Budget;

  constructor({ address, port, name, canary, budget }: AuditContextOptions) {
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

  /** A technique got an HTTP answer: the port speaks HTTP, even if the first look said otherwise. */
  get heardHttp(): boolean {
    return this.#answers.size > 0;
  }

  /** One answer per status. */
  get answers(): string {
    return [...this.#answers.values()].join('\n');
  }

  /** Keeps at most 2 KiB of one answer per status. */
  heard(status: number | null, bytes: Buffer): void {
    if (status !== null && !this.#answers.has(status)) {
      this.#answers.set(status, bytes.toString('latin1', 0, 2_048));
    }
  }

  /** `HOST:PORT`. */
  get target(): string {
    return `${bracketed(this.name)}:${this.port}`;
  }

  /** The Host that a browser sends to this port. */
  get own(): string {
    return this.port === (this.tls ? 443 : 80) ? bracketed(this.name) : this.target;
  }

  /** Canary and audited server are on one machine, so the server's own name reaches the canary too. */
  get sharesMachine(): boolean {
    return this.canary.listensAt(this.address);
  }

  /** The name for SNI, which must not be an address (RFC 6066 section 3). */
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

  /** Waits for a connection that the caller opens itself. @throws BudgetError */
  turn(): Promise<void> {
    return this.#budget.turn();
  }
}

export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
