/** Gets an OCSP response for each certificate that demands one (must-staple), keeps it, and renews it. */
import type { X509Certificate } from 'node:crypto';
import { withPackages } from '../optional-package.ts';
import { certificateName, demandsStaple, issuerIn, responderOf, stapleFault } from './must-staple.ts';
import type { CertificateStatus } from './response.ts';

export interface StapleEvents {
  /** A new response is stapled from now on. @param until milliseconds since the epoch */
  readonly onResponse: (name: string, until: number) => void;
  /** The responder gave no usable response; the one in use is valid for a while. */
  readonly onFailure: (name: string, why: string) => void;
  /** Clients refuse the certificate, or will soon. @param why null: resolved */
  readonly onTrouble: (name: string, why: string | null) => void;
  /** The state of a response has changed. */
  readonly onChange: () => void;
  /** Completes the message of a connection error. @default adds nothing */
  readonly hint?: (error: Error) => string;
}

/** What a process knows about the response for one certificate. Times are milliseconds since the epoch. */
export interface StapleState {
  /** The first name of the certificate. */
  readonly host: string;
  /** Serial number of the certificate, hexadecimal. */
  readonly serial: string;
  /** `ec`, `rsa` … */
  readonly key: string;
  /** When the response was fetched; null: there is none. */
  readonly fetched: number | null;
  /** When it ends. */
  readonly until: number | null;
  /** Why the last request brought no usable response; null: it brought one, or is not answered yet. */
  readonly trouble: string | null;
  /** For want of a response, clients refuse the certificate or soon will. */
  readonly urgent: boolean;
}

/** Milliseconds. */
export interface Pauses {
  /** After the first failure, also the shortest between two requests; doubled with each further failure. */
  readonly first: number;
  readonly longest: number;
  /** The longest between two looks at the clock: timers stand still while a machine sleeps. */
  readonly sleep: number;
}

interface Held {
  readonly bytes: Buffer;
  readonly fetched: number;
  readonly from: number;
  readonly until: number;
}

/** The response for one certificate. */
export class Staple {
  /** The certificate, in DER. */
  readonly raw: Buffer;
  readonly name: string;
  /** The certificate containers that use it. */
  readonly users = new Set<object>();
  readonly #staples: Staples;
  readonly #certificate: X509Certificate;
  readonly #chain: Buffer;
  readonly #ended = new AbortController();
  readonly #asked = Promise.withResolvers<void>();
  #wasAsked = false;
  #held: Held | null = null;
  /** When the newest response became valid, of whatever status. */
  #newest = 0;
  #failures = 0;
  #trouble: string | null = null;
  #urgent = false;
  /** When the next request is due, and how long the wait for it was when it was scheduled. */
  #due = { at: 0, wait: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(staples: Staples, certificate: X509Certificate, chain: Buffer) {
    this.#staples = staples;
    this.#certificate = certificate;
    this.#chain = chain;
    this.raw = certificate.raw;
    this.name = certificateName(certificate);
    void this.#ask();
  }

  /** The response to staple now; null: there is no valid one. */
  get response(): Buffer | null {
    return this.#held !== null && this.#held.until > this.#staples.now() ? this.#held.bytes : null;
  }

  get state(): StapleState {
    const { serialNumber, publicKey } = this.#certificate;
    return {
      host: this.name,
      serial: serialNumber.toLowerCase(),
      key: publicKey.asymmetricKeyType ?? '',
      fetched: this.#held?.fetched ?? null,
      until: this.#held?.until ?? null,
      trouble: this.#trouble,
      urgent: this.#urgent,
    };
  }

  /** Whether the responder has been asked at least once, with whatever result. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** Resolves once it has been asked; never rejects. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#ended.abort();
  }

  /** Never throws. */
  async #ask(): Promise<void> {
    try {
      const { bytes, answer } = await this.#fetch();
      if (this.#ended.signal.aborted) return;
      // Anybody on the way to the responder could replay the last good response of a revoked certificate.
      if (answer.from < this.#newest) throw new Error('the response is older than the one before');
      this.#newest = answer.from;
      if (answer.status === 'good') this.#take(bytes, answer);
      else this.#notGood(answer);
    } catch (error) {
      if (!this.#ended.signal.aborted) this.#failed(error as Error);
    } finally {
      this.#wasAsked = true;
      this.#asked.resolve();
      if (!this.#ended.signal.aborted) this.#staples.events?.onChange();
    }
  }

  async #fetch(): Promise<{ readonly bytes: Buffer; readonly answer: CertificateStatus }> {
    const certificate = this.#certificate;
    const fault = stapleFault(this.#chain, certificate);
    if (fault !== null) throw new Error(fault);
    const issuer = issuerIn(this.#chain, certificate)!;
    const { ocspRequest, readResponse } = await withPackages('OCSP stapling', () => import('./response.ts'));
    const { askResponder } = await import('./responder.ts');
    const request = ocspRequest(certificate, issuer);
    const bytes = await askResponder(responderOf(certificate)!, request, this.#ended.signal);
    return { bytes, answer: readResponse(bytes, certificate, issuer, this.#staples.now()) };
  }

  #take(bytes: Buffer, { from, until }: { readonly from: number; readonly until: number }): void {
    const now = this.#staples.now();
    this.#held = { bytes, fetched: now, from, until };
    this.#failures = 0;
    this.#staples.events?.onResponse(this.name, until);
    this.#report(null);
    // At half of its validity. Responders also give out older ones, made in advance.
    const half = (from + until) / 2;
    this.#again(half > now ? half - now : (until - now) / 2);
  }

  #notGood(answer: CertificateStatus): void {
    if (answer.status === 'revoked') {
      this.#held = null;
      const since = new Date(answer.at).toISOString();
      this.#report(`its authority has revoked it, since ${since}: replace it`);
      this.#again(this.#staples.pauses.longest);
    } else {
      this.#report(`the OCSP responder does not know it${this.#left}`);
      this.#again(this.#pause());
    }
  }

  #failed(error: Error): void {
    const pause = this.#pause();
    const { events } = this.#staples;
    const why = `no OCSP response for it: ${error.message}${events?.hint?.(error) ?? ''}`;
    const untilUrgent = this.#untilUrgent;
    this.#report(`${why}${this.#left}`, untilUrgent <= 0);
    // Also when a response becomes urgent, whatever the pause: that is when the alert is due.
    this.#again(untilUrgent > 0 ? Math.min(pause, untilUrgent) : pause);
  }

  /** Milliseconds until less than a quarter of the response's validity is left; 0: there is no response. */
  get #untilUrgent(): number {
    if (this.#held === null) return 0;
    const { from, until } = this.#held;
    return until - (until - from) / 4 - this.#staples.now();
  }

  /** @param trouble null: none */
  #report(trouble: string | null, urgent = true): void {
    this.#trouble = trouble;
    this.#urgent = trouble !== null && urgent;
    if (trouble === null || urgent) this.#staples.trouble(this.name, trouble);
    else this.#staples.events?.onFailure(this.name, trouble);
  }

  get #left(): string {
    return this.response === null
      ? '; handshakes go on without a response, and clients that insist on one refuse the certificate'
      : `; the last one is valid until ${new Date(this.#held!.until).toISOString()}`;
  }

  #pause(): number {
    const { first, longest } = this.#staples.pauses;
    return Math.min(first * 2 ** Math.min(this.#failures++, 20), longest);
  }

  /** Spread, so that many gateways do not ask in the same moment. */
  #again(pause: number): void {
    const wait = Math.round(Math.max(pause, this.#staples.pauses.first) * (0.9 + 0.2 * Math.random()));
    this.#due = { at: this.#staples.now() + wait, wait };
    this.#sleep();
  }

  #sleep(): void {
    const left = this.#due.at - this.#staples.now();
    // More than the wait: the clock was set back.
    if (left <= 0 || left > this.#due.wait) void this.#ask();
    else this.#timer = setTimeout(() => this.#sleep(), Math.min(left, this.#staples.pauses.sleep)).unref();
  }
}

/** The responses of this process: every listener with the same certificate uses the same one, also after a reload. */
export class Staples {
  /** Gets every event; null: no receiver. */
  events: StapleEvents | null = null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly pauses: Pauses;
  readonly #known = new Map<string, Staple>();
  /** Names of certificates with a reported problem. */
  readonly #troubled = new Set<string>();

  constructor(
    now: () => number = Date.now,
    pauses: Pauses = { first: 5000, longest: 3_600_000, sleep: 60_000 },
  ) {
    this.now = now;
    this.pauses = pauses;
  }

  /**
   * The staple of a certificate; null: it demands none.
   *
   * @param user keeps it until it calls `keep` without it
   * @param chain the certificate's PEM file
   */
  of(user: object, certificate: X509Certificate, chain: Buffer): Staple | null {
    if (!demandsStaple(certificate)) return null;
    const key = `${certificate.fingerprint256} ${issuerIn(chain, certificate)?.fingerprint256}`;
    const staple = this.#known.get(key) ?? new Staple(this, certificate, chain);
    this.#known.set(key, staple);
    staple.users.add(user);
    return staple;
  }

  get states(): readonly StapleState[] {
    return [...this.#known.values()].map(({ state }) => state);
  }

  /** Adds a user of a staple. */
  share(user: object, staple: Staple): void {
    staple.users.add(user);
  }

  /** Releases the other staples of a user. A staple without users is dropped. */
  keep(user: object, kept: ReadonlySet<Staple | null>): void {
    const dropped = this.#release(user, kept);
    for (const { name } of dropped) this.trouble(name, null);
    if (dropped.length > 0) this.events?.onChange();
  }

  /** Releases all staples of a user that ends. */
  leave(user: object): void {
    this.#release(user, new Set());
  }

  /** @param why null: the problem is resolved, or the certificate is no longer in use */
  trouble(name: string, why: string | null): void {
    if (why !== null) this.#troubled.add(name);
    else if (this.#isUrgent(name) || !this.#troubled.delete(name)) return;
    this.events?.onTrouble(name, why);
  }

  /** A name may have several certificates: with RSA and ECDSA keys, for example. */
  #isUrgent(name: string): boolean {
    return [...this.#known.values()].some(({ state }) => state.host === name && state.urgent);
  }

  #release(user: object, kept: ReadonlySet<Staple | null>): Staple[] {
    const dropped: Staple[] = [];
    for (const [key, staple] of this.#known) {
      if (kept.has(staple) || !staple.users.delete(user) || staple.users.size > 0) continue;
      staple.stop();
      this.#known.delete(key);
      dropped.push(staple);
    }
    return dropped;
  }
}

export const staples = new Staples();
