/**
 * An ACME client (RFC 8555): sends signed requests to one certificate authority, and to no other host.
 *
 * Why not `acme-client`, the usual package: its last release (5.4.0) is from 2024; it lacks renewal information (RFC 9773); and it
 * brings 47 packages and 12 MB, among them two ASN.1 libraries and `axios`, which obeys the environment's proxy variables and
 * follows URLs to any host. This program promises to dial only hosts named in the config.
 */
import { createHash, createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { wholeBody } from '../whole-body.ts';

/** A problem document from the authority (RFC 8555 section 6.7), or an invalid answer. */
export class AcmeError extends Error {
  /** `rateLimited` for `urn:ietf:params:acme:error:rateLimited`; empty: not a problem document with a type. */
  readonly type: string;
  /** How long the authority asks us to wait, in milliseconds; null: it does not say. */
  readonly retryAfter: number | null;

  constructor(message: string, type = '', retryAfter: number | null = null) {
    super(message);
    this.type = type;
    this.retryAfter = retryAfter;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export interface ClientOptions {
  readonly directory: string;
  /** PEM of the CAs for the authority's server; null: the system's. */
  readonly ca: string | null;
  /** The account key, P-256. */
  readonly key: KeyObject;
  readonly email: string | null;
  readonly externalAccount: { readonly id: string; readonly key: string } | null;
  /** Aborts requests. */
  readonly signal: AbortSignal;
}

interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly renewalInfo?: string;
}

/** The longest answer read, in bytes: a chain has a few thousand. */
const mostBytes = 256 * 1024;
/** Time limit of a request, in milliseconds. */
const requestTime = 30_000;

export class AcmeClient {
  readonly #options: ClientOptions;
  readonly #origin: string;
  readonly #jwk: Readonly<Record<string, string>>;
  #directory: Directory | null = null;
  #account: string | null = null;
  #nonce: string | null = null;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#origin = new URL(options.directory).origin;
    const { crv, x, y } = createPublicKey(options.key).export({ format: 'jwk' });
    // Exactly these members in this order: the thumbprint hashes this text (RFC 7638 section 3).
    this.#jwk = { crv: crv!, kty: 'EC', x: x!, y: y! };
  }

  /** The key authorization that answers a challenge (RFC 8555 section 8.1). */
  keyAuthorization(token: string): string {
    return `${token}.${createHash('sha256').update(JSON.stringify(this.#jwk)).digest('base64url')}`;
  }

  async directory(): Promise<Directory> {
    this.#directory ??= asObject(await this.#send('GET', this.#options.directory)) as unknown as Directory;
    return this.#directory;
  }

  /** Creates the account, or finds the existing one for this key. */
  async #ensureAccount(): Promise<string> {
    if (this.#account !== null) return this.#account;
    const { newAccount } = await this.directory();
    const { email, externalAccount } = this.#options;
    const payload = {
      termsOfServiceAgreed: true,
      ...(email === null ? {} : { contact: [`mailto:${email}`] }),
      ...(externalAccount === null
        ? {}
        : { externalAccountBinding: this.#binding(newAccount, externalAccount) }),
    };
    const { headers } = await this.#post(newAccount, payload, { jwk: this.#jwk });
    this.#account = this.#ours(headers.location);
    return this.#account;
  }

  /** Sends a request signed by the account. @param payload null: POST-as-GET */
  async ask(url: string, payload: object | null): Promise<Answer> {
    const kid = await this.#ensureAccount();
    return this.#post(url, payload, { kid });
  }

  /** Sends an unsigned request, as renewal information takes. */
  get(url: string): Promise<Answer> {
    return this.#send('GET', url);
  }

  #binding(url: string, { id, key }: { readonly id: string; readonly key: string }): object {
    const header = encode({ alg: 'HS256', kid: id, url });
    const payload = encode(this.#jwk);
    const signature = createHmac('sha256', Buffer.from(key, 'base64url'))
      .update(`${header}.${payload}`)
      .digest('base64url');
    return { protected: header, payload, signature };
  }

  async #post(url: string, payload: object | null, who: object, tries = 6): Promise<Answer> {
    const nonce = this.#nonce ?? (await this.#freshNonce());
    this.#nonce = null;
    const header = encode({ alg: 'ES256', nonce, url, ...who });
    const body = payload === null ? '' : encode(payload);
    const signature = sign('sha256', Buffer.from(`${header}.${body}`), {
      key: this.#options.key,
      dsaEncoding: 'ieee-p1363',
    }).toString('base64url');
    try {
      return await this.#send('POST', url, JSON.stringify({ protected: header, payload: body, signature }));
    } catch (error) {
      // RFC 8555 section 6.5: the error response carries a fresh nonce.
      if (tries > 1 && error instanceof AcmeError && error.type === 'badNonce')
        return this.#post(url, payload, who, tries - 1);
      throw error;
    }
  }

  async #freshNonce(): Promise<string> {
    const { newNonce } = await this.directory();
    await this.#send('HEAD', newNonce);
    if (this.#nonce === null) throw new AcmeError('the authority sent no nonce');
    return this.#nonce;
  }

  /** Checks a URL from the authority: another host is never dialled. */
  #ours(url: unknown): string {
    if (typeof url === 'string' && URL.canParse(url) && new URL(url).origin === this.#origin) return url;
    throw new AcmeError(`the authority sent a URL that is not at ${this.#origin}`);
  }

  #send(method: string, url: string, body?: string): Promise<Answer> {
    const { ca, signal } = this.#options;
    return new Promise<Answer>((resolve, reject) => {
      const asked = request(
        this.#ours(url),
        {
          method,
          ...(ca === null ? {} : { ca }),
          headers: {
            'User-Agent': 'sekisho',
            ...(body === undefined
              ? {}
              : { 'Content-Type': 'application/jose+json', 'Content-Length': Buffer.byteLength(body) }),
          },
          agent: false,
          signal: AbortSignal.any([signal, AbortSignal.timeout(requestTime)]),
        },
        (response) => {
          wholeBody(response, mostBytes, () => new AcmeError('the answer of the authority is too long'))
            .then((bytes) => resolve(this.#read(response, bytes.toString('utf8'))))
            .catch(reject);
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  /** @throws AcmeError if it is a problem document, or any other answer than 2xx */
  #read({ statusCode: status = 0, headers }: IncomingMessage, text: string): Answer {
    const nonce = headers['replay-nonce'];
    if (typeof nonce === 'string') this.#nonce = nonce;
    if (status < 200 || status >= 300) throw problem(status, headers, text);
    return { status, headers, text };
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** @throws AcmeError if the answer is not a JSON object */
export function asObject({ text }: Answer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Reported below.
  }
  throw new AcmeError('the answer of the authority is not a JSON object');
}

/** The milliseconds to wait by a Retry-After of seconds or a date; null: there is none. */
export function retryAfter(value: string | undefined, now = Date.now()): number | null {
  if (value === undefined) return null;
  const at = /^\d{1,9}$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

function problem(status: number, headers: Answer['headers'], text: string): AcmeError {
  let body: Record<string, unknown> = {};
  try {
    body = asObject({ status, headers, text });
  } catch {
    // Not from the authority, but a proxy's error page, for example.
  }
  return problemOf(body, `the authority answered ${status}`, retryAfter(headers['retry-after']));
}

/** The error of a problem document. @param otherwise the message if it has no detail */
export function problemOf(body: unknown, otherwise: string, wait: number | null = null): AcmeError {
  const { type, detail } = (body ?? {}) as { readonly type?: unknown; readonly detail?: unknown };
  const kind = typeof type === 'string' ? type.slice(type.lastIndexOf(':') + 1) : '';
  // The detail may quote what another server answered the authority, so control characters are removed.
  const text = typeof detail === 'string' ? detail.slice(0, 500).replace(/\p{C}/gu, ' ') : '';
  return new AcmeError(text === '' ? otherwise : kind === '' ? text : `${kind}: ${text}`, kind, wait);
}
