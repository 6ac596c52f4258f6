/** Access to the admin listener: by the token, or by a session opened with it. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { BearerToken } from '../metrics/bearer-token.ts';

export interface Session {
  /** Must come back as `X-Sekisho-CSRF` with every request that changes something. */
  readonly csrf: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** How a request was authenticated. */
export type Pass = { readonly by: 'token' } | { readonly by: 'session'; readonly session: Session };

/** Milliseconds. */
export const sessionLength = 12 * 3_600_000;
/** Concurrent sessions; eviction: the oldest. */
const sessionLimit = 64;
const cookieName = 'sekisho_session';

export class Access {
  #token: BearerToken;
  readonly #secure: boolean;
  readonly #sessions = new Map<string, Session>();

  /** @param secure the listener speaks TLS, so the cookie gets `Secure` */
  constructor(token: string, secure: boolean) {
    this.#token = new BearerToken(token);
    this.#secure = secure;
  }

  /** A different token ends every session opened with the old one. */
  replaceToken(token: string): void {
    if (!this.#token.is(token)) this.#sessions.clear();
    this.#token = new BearerToken(token);
  }

  /**
   * Cookies ignore the port: a page served on another port of this host (such as a site behind the gateway) sends ours along. So
   * the cookie counts only if the browser says (Sec-Fetch-Site) that the request comes from our own page.
   *
   * @returns null: not authenticated
   */
  check(headers: IncomingHttpHeaders, now: number): Pass | null {
    const bearer = BearerToken.of(headers);
    if (bearer !== undefined) return this.isToken(bearer) ? { by: 'token' } : null;
    const site = headers['sec-fetch-site'];
    const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
    if (foreign && headers['sec-fetch-mode'] !== 'navigate') return null;
    const session = this.#find(headers.cookie, now);
    return session === null ? null : { by: 'session', session };
  }

  /** Whether a request carries a token, right or wrong. */
  static carriesToken(headers: IncomingHttpHeaders): boolean {
    return /^Bearer +[^ ]/i.test(headers.authorization ?? '');
  }

  isToken(text: string): boolean {
    return this.#token.is(text);
  }

  /** @returns the value of the Set-Cookie line */
  open(now: number): string {
    const id = randomBytes(32).toString('base64url');
    const csrf = randomBytes(32).toString('base64url');
    if (this.#sessions.size >= sessionLimit) this.#sessions.delete(this.#sessions.keys().next().value!);
    this.#sessions.set(id, { csrf, expires: now + sessionLength });
    return this.#cookie(id, sessionLength / 1000);
  }

  /** Ends the session of a request. @returns the value of the Set-Cookie line that deletes the cookie */
  close(cookies: string | undefined): string {
    for (const id of sessionIds(cookies)) this.#sessions.delete(id);
    return this.#cookie('', 0);
  }

  #find(cookies: string | undefined, now: number): Session | null {
    for (const id of sessionIds(cookies)) {
      const session = this.#sessions.get(id);
      if (session === undefined) continue;
      if (session.expires > now) return session;
      this.#sessions.delete(id);
    }
    return null;
  }

  #cookie(value: string, age: number): string {
    return `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${this.#secure ? '; Secure' : ''}`;
  }
}

/** A random token, for a run without a configured one. */
export const makeToken = (): string => randomBytes(24).toString('base64url');

const sessionIds = (cookies: string | undefined): string[] =>
  (cookies ?? '')
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith(`${cookieName}=`))
    .map((cookie) => cookie.slice(cookieName.length + 1));
