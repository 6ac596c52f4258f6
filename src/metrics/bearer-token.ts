/** A token that a request brings as `Authorization: Bearer TOKEN` (RFC 6750 section 2.1), compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export class BearerToken {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = digest(token);
  }

  /** The token that a request brings, right or wrong; undefined where it brings none. */
  static of(headers: IncomingHttpHeaders): string | undefined {
    return /^Bearer +([^ ]+) *$/i.exec(headers.authorization ?? '')?.[1];
  }

  is(text: string): boolean {
    return timingSafeEqual(digest(text), this.#digest);
  }
}

/** Of one length whatever the text is, so that the time it takes tells nothing. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
