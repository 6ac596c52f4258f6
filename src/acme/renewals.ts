/** Orders certificates for the hosts of the config, and again before they end: one order at a time, in one process. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AcmeClient, AcmeError, asObject } from './client.ts';
import { renewalName } from './der.ts';
import type { AcmeOptions } from './options.ts';
import { freshKey, order } from './order.ts';
import { Store } from './store.ts';

export interface RenewalEvents {
  /** A new certificate is in its file. */
  readonly onCertificate: (host: string, until: Date) => void;
  /** An order failed, or a certificate is about to end. @param reason null: it is in order again */
  readonly onTrouble: (host: string, reason: string | null) => void;
  /** Something that is no order failed: the folder can't be written, say. */
  readonly onError: (error: Error) => void;
}

/** A certificate as it stands. */
export interface CertificateState {
  readonly host: string;
  /** When it ends, milliseconds since the epoch; null: there is none yet. */
  readonly notAfter: number | null;
  /** When it is ordered next, milliseconds since the epoch. */
  readonly next: number;
  /** Why the last order failed; null: it did not. */
  readonly trouble: string | null;
}

/**
 * Whether this process may order now; released at the end. Gateways that share a store ask it for a lock.
 */
export type Turn = (host: string) => Promise<(() => Promise<void>) | null>;

interface Schedule {
  failures: number;
  next: number;
  trouble: string | null;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** After the first failure; doubled with each further one. Four orders in the first hour: Let's Encrypt takes five failed validations of a name in it. */
const firstBackOff = 5 * minute;
const mostBackOff = 12 * hour;
/** Where an authority says that there were too many orders, and not how long to wait. */
const limitedBackOff = hour;
/** Milliseconds between two looks at the schedule. */
const lookEvery = minute;
/** Milliseconds between two questions for renewal information (RFC 9773 section 4.3.2 asks for some patience). */
const informationEvery = 6 * hour;
/** A certificate with less left than this is told of; of a short one less than a sixth of its life. */
const leftToTell = 14 * day;

export class Renewals {
  #options: AcmeOptions;
  #store: Store;
  #client: AcmeClient | null = null;
  readonly #events: RenewalEvents;
  readonly #schedules = new Map<string, Schedule>();
  /** When renewal information of a host was asked for last, and the moment that came of it. */
  readonly #suggested = new Map<string, { readonly asked: number; readonly at: number | null }>();
  readonly #turn: Turn;
  readonly #ended = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #working: Promise<void> = Promise.resolve();
  #busy = false;
  /** Another config came while an order was under way. */
  #again = false;
  /** Orders since the start, by what became of them. */
  readonly orders = { issued: 0, failed: 0 };

  /** @param turn asked before each order. @default always granted */
  constructor(options: AcmeOptions, events: RenewalEvents, turn: Turn = async () => async () => {}) {
    this.#options = options;
    this.#events = events;
    this.#turn = turn;
    this.#store = new Store(options.folder);
  }

  /** Begins to order. @throws Error where the folder can't be written */
  start(): void {
    this.#store.open();
    this.#readSchedules();
    this.#timer = setInterval(() => this.#look(), lookEvery).unref();
    this.#look();
  }

  /** Puts another config in force: other hosts, another authority. Certificates that are there stay. */
  replace(options: AcmeOptions): void {
    const before = this.#options;
    this.#options = options;
    if (options.folder !== before.folder) {
      this.#store = new Store(options.folder);
      this.#store.open();
    }
    this.#client = null;
    for (const [host, schedule] of this.#schedules) {
      if (!options.hosts.includes(host)) {
        if (schedule.trouble !== null) this.#events.onTrouble(host, null);
        this.#schedules.delete(host);
      }
    }
    this.#look();
  }

  get states(): readonly CertificateState[] {
    return this.#options.hosts.map((host) => {
      const { next = 0, trouble = null } = this.#schedules.get(host) ?? {};
      const x509 = this.#certificate(host);
      const due = x509 === null ? next : Math.max(next, this.#renewalTime(host, x509));
      return { host, notAfter: x509 === null ? null : x509.validToDate.getTime(), next: due, trouble };
    });
  }

  /** An order under way is given up; the authority forgets it by itself. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#ended.abort();
    await this.#working;
  }

  #look(): void {
    this.#again = this.#busy;
    if (this.#busy || this.#ended.signal.aborted) return;
    this.#busy = true;
    this.#working = this.#work()
      .catch((error) => this.#events.onError(error as Error))
      .finally(() => {
        this.#busy = false;
        if (this.#again) this.#look();
      });
  }

  async #work(): Promise<void> {
    for (const host of this.#options.hosts) {
      if (this.#ended.signal.aborted) return;
      if (await this.#isDue(host)) await this.#renew(host);
      this.#tellOfEnd(host);
    }
  }

  async #isDue(host: string): Promise<boolean> {
    if ((this.#schedules.get(host)?.next ?? 0) > Date.now()) return false;
    const x509 = this.#certificate(host);
    if (x509 === null) return true;
    await this.#askInformation(host, x509);
    return this.#renewalTime(host, x509) <= Date.now();
  }

  /** As the authority suggests, or when a third of the life is left. */
  #renewalTime(host: string, x509: X509Certificate): number {
    const [from, to] = [x509.validFromDate.getTime(), x509.validToDate.getTime()];
    return this.#suggested.get(host)?.at ?? to - (to - from) / 3;
  }

  /** RFC 9773. An authority that gives none, or nonsense, changes nothing. */
  async #askInformation(host: string, x509: X509Certificate): Promise<void> {
    const known = this.#suggested.get(host);
    if (known !== undefined && Date.now() - known.asked < informationEvery) return;
    let at: number | null = null;
    try {
      const client = this.#clientOf();
      const { renewalInfo } = await client.directory();
      const name = renewalName(x509.raw);
      if (renewalInfo === undefined || name === null) return;
      const { suggestedWindow } = asObject(await client.get(`${renewalInfo.replace(/\/$/, '')}/${name}`));
      const { start, end } = (suggestedWindow ?? {}) as Record<string, string>;
      const [first, last] = [Date.parse(start ?? ''), Date.parse(end ?? '')];
      // A moment in the window that is picked once: renewals of many machines are spread over it (section 4.2).
      if (last > first)
        at =
          known?.at && known.at >= first && known.at <= last
            ? known.at
            : first + Math.random() * (last - first);
      // A window beyond the end would let the certificate end.
      if (at !== null && at >= x509.validToDate.getTime()) at = null;
    } catch {
      // Asked again in six hours; until then a third of the life holds.
    } finally {
      this.#suggested.set(host, { asked: Date.now(), at });
    }
  }

  async #renew(host: string): Promise<void> {
    const release = await this.#turn(host);
    if (release === null) return;
    try {
      const [client, before] = [this.#clientOf(), this.#certificate(host)];
      const { renewalInfo } = await client.directory();
      const replaces = renewalInfo === undefined || before === null ? null : renewalName(before.raw);
      const { failures = 0 } = this.#schedules.get(host) ?? {};
      const { challenges } = this.#options;
      // Where one kind of proof fails, the other is tried the next time: a port may be closed outside.
      const turned = failures % Math.max(1, challenges.length);
      const pem = await order({
        client,
        store: this.#store,
        host,
        challenges: [...challenges.slice(turned), ...challenges.slice(0, turned)],
        replaces,
        signal: this.#ended.signal,
      });
      this.#store.saveCertificate(host, pem);
      this.#succeeded(host);
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#failed(host, error as Error);
    } finally {
      await release();
    }
  }

  #succeeded(host: string): void {
    this.orders.issued++;
    const trouble = this.#schedules.get(host)?.trouble ?? null;
    this.#schedules.delete(host);
    this.#suggested.delete(host);
    this.#saveSchedules();
    this.#events.onCertificate(host, this.#certificate(host)!.validToDate);
    if (trouble !== null) this.#events.onTrouble(host, null);
  }

  #failed(host: string, error: Error): void {
    this.orders.failed++;
    const failures = (this.#schedules.get(host)?.failures ?? 0) + 1;
    const trouble = error.message.slice(0, 500);
    const wait = backOff(failures, error);
    this.#schedules.set(host, { failures, next: Date.now() + wait, trouble });
    this.#saveSchedules();
    const minutes = Math.ceil(wait / minute);
    this.#events.onTrouble(
      host,
      `no certificate could be ordered: ${trouble}; tried again in ${minutes} minutes`,
    );
  }

  #tellOfEnd(host: string): void {
    const x509 = this.#certificate(host);
    if (x509 === null) return;
    const [from, to] = [x509.validFromDate.getTime(), x509.validToDate.getTime()];
    const left = to - Date.now();
    if (left > Math.min(leftToTell, (to - from) / 6)) return;
    const why = this.#schedules.get(host)?.trouble;
    this.#events.onTrouble(
      host,
      `its certificate ends in ${Math.max(0, Math.floor(left / day))} days${why ? `, and no new one could be ordered: ${why}` : ''}`,
    );
  }

  #clientOf(): AcmeClient {
    const { directory, email, ca, externalAccount } = this.#options;
    this.#client ??= new AcmeClient({
      directory,
      email,
      externalAccount,
      ca: ca === null ? null : readFileSync(ca, 'utf8'),
      key: createPrivateKey(this.#store.accountKey(directory, email, freshKey)),
    });
    return this.#client;
  }

  #certificate(host: string): X509Certificate | null {
    const pem = this.#store.certificate(host);
    return pem === null ? null : new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')));
  }

  /** Back-off outlives a restart: a program that is started again and again would else use the limits of the authority up. */
  #readSchedules(): void {
    const known = this.#store.readState();
    if (typeof known !== 'object' || known === null) return;
    for (const host of this.#options.hosts) {
      const { failures, next, trouble } = ((known as Record<string, unknown>)[host] ??
        {}) as Partial<Schedule>;
      // No further away than the longest back-off: the clock may have been wrong when this was written.
      if (Number.isInteger(failures) && Number.isFinite(next))
        this.#schedules.set(host, {
          failures: failures!,
          next: Math.min(next!, Date.now() + mostBackOff),
          trouble: typeof trouble === 'string' ? trouble : null,
        });
    }
  }

  #saveSchedules(): void {
    this.#store.saveState(Object.fromEntries(this.#schedules));
  }
}

/** Milliseconds until the next order after so many failures. */
export function backOff(failures: number, error: Error): number {
  const usual = Math.min(firstBackOff * 2 ** Math.min(failures - 1, 20), mostBackOff);
  if (!(error instanceof AcmeError)) return usual;
  const asked = error.retryAfter ?? (error.type === 'rateLimited' ? limitedBackOff : 0);
  return Math.max(usual, Math.min(asked, 7 * day));
}
