/** Who may use the admin listener: whoever holds the token, or a session that was opened with it. */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { BearerToken } from '../metrics/bearer-token.ts';

export interface Session {
  /** To be sent back as `X-Sekisho-CSRF` with everything that changes something. */
  readonly csrf: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** How somebody was let in. */
export type Pass = { readonly by: 'token' } | { readonly by: 'session'; readonly session: Session };

/** Milliseconds. */
export const sessionLength = 12 * 3_600_000;
/** Sessions at a time; the oldest ends where one more begins. */
const sessionLimit = 64;
const cookieName = 'sekisho_session';

export class Access {
  #token: BearerToken;
  readonly #secure: boolean;
  readonly #sessions = new Map<string, Session>();

  /** @param secure the listener speaks TLS, so the cookie is for TLS alone */
  constructor(token: string, secure: boolean) {
    this.#token = new BearerToken(token);
    this.#secure = secure;
  }

  /** Another token: every session that was opened with the one before ends. */
  replaceToken(token: string): void {
    if (!this.#token.is(token)) this.#sessions.clear();
    this.#token = new BearerToken(token);
  }

  /**
   * Whether a request may pass.
   *
   * A cookie does not know ports: a page that another port of this host serves (such as a site behind the gateway) sends it
   * along. So it counts only where the browser says that the request is our own page's.
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

  /** Whether a request brings a token, right or wrong. */
  static bringsToken(headers: IncomingHttpHeaders): boolean {
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

  /** Ends the session of a request. @returns the value of the Set-Cookie line that takes the cookie away */
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

/** A token for one run. */
export const makeToken = (): string => randomBytes(24).toString('base64url');

const sessionIds = (cookies: string | undefined): string[] =>
  (cookies ?? '')
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => cookie.startsWith(`${cookieName}=`))
    .map((cookie) => cookie.slice(cookieName.length + 1));
