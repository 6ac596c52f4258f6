/** The token of `Authorization: Bearer TOKEN` (RFC 6750 section 2.1), compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export class BearerToken {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = digest(token);
  }

  /** The token of a request, right or wrong; undefined if it has none. */
  static of(headers: IncomingHttpHeaders): string | undefined {
    return /^Bearer +([^ ]+) *$/i.exec(headers.authorization ?? '')?.[1];
  }

  is(text: string): boolean {
    return timingSafeEqual(digest(text), this.#digest);
  }
}

/** Hashed to one length, which timingSafeEqual needs: the time of the comparison reveals nothing about the token. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
