/**
 * A cookie of ours that keeps a client with one backend. Its value is a keyed hash: nobody makes one up, and none tells where a
 * backend is. It stays between client and gateway: no backend sees it, and none sets it (HAProxy's `cookie … insert indirect
 * nocache`).
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
  /** That the cookie told; null: it told none of ours. */
  readonly backend: T | null;
  readonly rawHeaders: readonly string[];
  readonly strip: readonly number[];
}

export class BackendCookie<T extends Named> {
  readonly #backends = new Map<string, T>();
  readonly #values = new Map<T, string>();

  /**
   * @param secret the same in every process whose cookies the others take
   * @param site a cookie of one site says nothing to another
   */
  constructor(secret: string, site: string, backends: readonly T[]) {
    for (const backend of backends) {
      const value = createHmac('sha256', secret).update(`${site}\n${backend.name}`).digest('base64url');
      this.#backends.set(value, backend);
      this.#values.set(backend, value);
    }
  }

  /**
   * Takes the cookie out of a request.
   *
   * @param rawHeaders name, value, name, value …
   * @param strip even indexes into them of what does not pass
   */
  takeFrom(rawHeaders: readonly string[], strip: readonly number[]): RequestWithout<T> {
    let backend: T | null = null;
    let edited: string[] | null = null;
    let gone = strip;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!;
      const value = rawHeaders[i + 1]!;
      if (name.length !== 6 || !is(name, 'cookie') || !value.includes(backendCookieName)) continue;
      const pairs = value.split(';');
      const others = pairs.filter((pair) => !isOurs(pair));
      for (const pair of pairs)
        if (isOurs(pair)) backend ??= this.#backends.get(pair.slice(pair.indexOf('=') + 1).trim()) ?? null;
      if (others.length === 0) gone = [...gone, i];
      edited ??= [...rawHeaders];
      edited[i + 1] = others.join(';').trimStart();
    }
    return { backend, rawHeaders: edited ?? rawHeaders, strip: gone };
  }

  /**
   * The head of an answer, as its client gets it.
   *
   * @param backend that answered
   * @param told the one that the cookie of the request told
   * @param secure the client speaks TLS
   */
  putInto(head: ResponseHead, backend: T, told: T | null, secure: boolean): ResponseHead {
    const kept = withoutOurs(head);
    if (backend === told) return kept;
    const cookie = `${backendCookieName}=${this.#values.get(backend)!}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
    // A cache that kept the answer would send all of its clients to this backend.
    return kept.with({ fields: `${kept.fields}Set-Cookie: ${cookie}\r\nCache-Control: private\r\n` });
  }
}

const isOurs = (pair: string): boolean => pair.slice(0, pair.indexOf('=')).trim() === backendCookieName;

/** A backend that sets it would choose where its clients go. */
function withoutOurs(head: ResponseHead): ResponseHead {
  if (!head.fields.includes(backendCookieName)) return head;
  const raw = head.rawHeaders;
  const kept = raw.filter((_, i) => {
    const at = i - (i % 2);
    return !(is(raw[at]!, 'set-cookie') && isOurs(raw[at + 1]!.split(';', 1)[0]!));
  });
  return head.with({ fields: fieldLines(kept) });
}
