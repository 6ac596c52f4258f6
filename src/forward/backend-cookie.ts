/**
 * The cookie that keeps a client with one backend. Its value is a keyed hash: it can't be forged and does not reveal the address of
 * a backend. It stays between client and gateway: backends neither see it nor set it (HAProxy's `cookie … insert indirect nocache`).
 */
import { createHmac } from 'node:crypto';
import { is } from '../wire/field-names.ts';
import { fieldLines, type ResponseHead } from '../wire/response-head.ts';

export const backendCookieName = 'sekisho-backend';

interface Named {
  readonly name: string;
}

/** A request without the cookie. */
export interface RequestWithout<T> {
  /** The one that the cookie names; null: none of ours. */
  readonly backend: T | null;
  readonly rawHeaders: readonly string[];
  readonly strip: readonly number[];
}

export class BackendCookie<T extends Named> {
  readonly #backends = new Map<string, T>();
  readonly #values = new Map<T, string>();

  /**
   * @param secret shared by all processes that must accept each other's cookies
   * @param site a cookie of one site is worthless on another
   */
  constructor(secret: string, site: string, backends: readonly T[]) {
    for (const backend of backends) {
      const value = createHmac('sha256', secret).update(`${site}\n${backend.name}`).digest('base64url');
      this.#backends.set(value, backend);
      this.#values.set(backend, value);
    }
  }

  /**
   * Removes the cookie from a request.
   *
   * @param rawHeaders name, value, name, value …
   * @param strip even indexes of the fields that are not passed on
   */
  takeFrom(rawHeaders: readonly string[], strip: readonly number[]): RequestWithout<T> {
    let backend: T | null = null;
    let edited: string[] | null = null;
    let stripped = strip;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!;
      const value = rawHeaders[i + 1]!;
      if (name.length !== 6 || !is(name, 'cookie') || !value.includes(backendCookieName)) continue;
      const pairs = value.split(';');
      const others = pairs.filter((pair) => !isOurs(pair));
      for (const pair of pairs)
        if (isOurs(pair)) backend ??= this.#backends.get(pair.slice(pair.indexOf('=') + 1).trim()) ?? null;
      if (others.length === 0) stripped = [...stripped, i];
      edited ??= [...rawHeaders];
      edited[i + 1] = others.join(';').trimStart();
    }
    return { backend, rawHeaders: edited ?? rawHeaders, strip: stripped };
  }

  /**
   * The head of an answer as the client gets it.
   *
   * @param backend the one that answered
   * @param sticky the one that the cookie of the request names
   * @param secure the client speaks TLS
   */
  putInto(head: ResponseHead, backend: T, sticky: T | null, secure: boolean): ResponseHead {
    const kept = withoutOurs(head);
    if (backend === sticky) return kept;
    const cookie = `${backendCookieName}=${this.#values.get(backend)!}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
    // A cache that stored the answer would send all of its clients to this backend.
    return kept.with({ fields: `${kept.fields}Set-Cookie: ${cookie}\r\nCache-Control: private\r\n` });
  }
}

const isOurs = (pair: string): boolean => pair.slice(0, pair.indexOf('=')).trim() === backendCookieName;

/** A backend that could set it would steer clients to backends of its choice. */
function withoutOurs(head: ResponseHead): ResponseHead {
  if (!head.fields.includes(backendCookieName)) return head;
  const raw = head.rawHeaders;
  const kept = raw.filter((_, i) => {
    const at = i - (i % 2);
    return !(is(raw[at]!, 'set-cookie') && isOurs(raw[at + 1]!.split(';', 1)[0]!));
  });
  return head.with({ fields: fieldLines(kept) });
}
