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
  /** Completes the message of a connection error. @default adds nothing */
  readonly hint?: (error: Error) => string;
}

/** The pause after the first failure, also the shortest between two requests; doubled with each further one. Milliseconds. */
export interface Pauses {
  readonly first: number;
  readonly longest: number;
}
/** A timer of more than 24 days would fire at once. */
const longestWait = 14 * 86_400_000;

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
  #held: { readonly bytes: Buffer; readonly from: number; readonly until: number } | null = null;
  /** When the newest response became valid, of whatever status. */
  #newest = 0;
  #failures = 0;
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
    this.#held = { bytes, from, until };
    this.#failures = 0;
    this.#staples.events?.onResponse(this.name, until);
    this.#staples.trouble(this.name, null);
    const now = this.#staples.now();
    // At half of its validity. Responders also give out older ones, made in advance.
    const half = (from + until) / 2;
    this.#again(half > now ? half - now : (until - now) / 2);
  }

  #notGood(answer: CertificateStatus): void {
    if (answer.status === 'revoked') {
      this.#held = null;
      const since = new Date(answer.at).toISOString();
      this.#staples.trouble(this.name, `its authority has revoked it, since ${since}: replace it`);
      this.#again(this.#staples.pauses.longest);
    } else {
      this.#staples.trouble(this.name, `the OCSP responder does not know it${this.#left}`);
      this.#again(this.#pause());
    }
  }

  #failed(error: Error): void {
    const pause = this.#pause();
    const { events } = this.#staples;
    const why = `no OCSP response for it: ${error.message}${events?.hint?.(error) ?? ''}${this.#left}`;
    const { from, until } = this.#held ?? { from: 0, until: 0 };
    if (until - this.#staples.now() < (until - from) / 4 || this.#held === null)
      this.#staples.trouble(this.name, why);
    else events?.onFailure(this.name, why);
    this.#again(pause);
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
  #again(wait: number): void {
    const bounded = Math.min(Math.max(wait, this.#staples.pauses.first), longestWait);
    this.#timer = setTimeout(() => void this.#ask(), bounded * (0.9 + 0.2 * Math.random())).unref();
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

  constructor(now: () => number = Date.now, pauses: Pauses = { first: 5000, longest: 3_600_000 }) {
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

  /** Releases the other staples of a user. A staple without users is dropped. */
  keep(user: object, kept: ReadonlySet<Staple | null>): void {
    for (const staple of this.#release(user, kept))
      if ([...this.#known.values()].every(({ name }) => name !== staple.name))
        this.trouble(staple.name, null);
  }

  /** Releases all staples of a user that ends. */
  leave(user: object): void {
    this.#release(user, new Set());
  }

  /** @param why null: resolved */
  trouble(name: string, why: string | null): void {
    if (why !== null) this.#troubled.add(name);
    else if (!this.#troubled.delete(name)) return;
    this.events?.onTrouble(name, why);
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
