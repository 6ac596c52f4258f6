/** Orders the certificate of one name (RFC 8555 section 7.4). */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AcmeFolder } from './acme-folder.ts';
import { type AcmeClient, AcmeError, type Answer, asObject, problemOf, retryAfter } from './client.ts';
import { certificateRequest, challengeCertificate } from './der.ts';
import type { ChallengeType } from './options.ts';

/** A new P-256 key, PEM. */
export const freshKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;

export interface OrderOptions {
  readonly client: AcmeClient;
  readonly store: AcmeFolder;
  readonly host: string;
  /** The challenge types that can be answered, in the order to try. */
  readonly challenges: readonly ChallengeType[];
  /** Renewal-information identifier of the certificate to replace; null: none, or the authority has no renewal information. */
  readonly replaces: string | null;
  /** Resolves once every gateway that the authority may ask has the answer. */
  readonly spread: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Time limit of an order, in milliseconds. */
const orderTime = 300_000;

/** @returns key and chain, PEM @throws AcmeError if the authority refuses */
export async function order({
  client,
  store,
  host,
  challenges,
  replaces,
  spread,
  signal,
}: OrderOptions): Promise<string> {
  const { newOrder } = await client.directory();
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(orderTime)]);
  const made = await client.ask(newOrder, {
    identifiers: [{ type: 'dns', value: host }],
    ...(replaces === null ? {} : { replaces }),
  });
  const orderUrl = made.headers.location!;
  const { authorizations, finalize } = asObject(made) as { authorizations?: unknown; finalize?: unknown };
  if (!Array.isArray(authorizations) || typeof finalize !== 'string')
    throw new AcmeError('the authority made an order without authorizations');
  // An order for one name has one authorization; the bound limits a misbehaving authority.
  for (const url of authorizations.slice(0, 4))
    await authorize(String(url), { client, store, host, challenges, spread, signal: bounded });
  const key = freshKey();
  const csr = certificateRequest(host, createPrivateKey(key)).toString('base64url');
  await until(client, orderUrl, ['ready', 'processing', 'valid'], bounded, 0);
  await client.ask(finalize, { csr });
  const { certificate } = await until(client, orderUrl, ['valid'], bounded);
  const { text: chain } = await client.ask(String(certificate), null);
  const x509 = new X509Certificate(chain);
  if (x509.checkHost(host) === undefined || !x509.checkPrivateKey(createPrivateKey(key)))
    throw new AcmeError(`the authority sent a certificate that is not for ${host} or not for its key`);
  return `${key.trimEnd()}\n${chain}`;
}

interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly token: string;
}

async function authorize(
  url: string,
  { client, store, host, challenges: possible, spread, signal }: Omit<OrderOptions, 'replaces'>,
): Promise<void> {
  const body = asObject(await client.ask(url, null));
  if (body.status === 'valid') return;
  const offered = (Array.isArray(body.challenges) ? body.challenges : []) as Challenge[];
  const challenge = possible
    .map((type) => offered.find((one) => one.type === type))
    .find((one) => one !== undefined);
  if (challenge === undefined)
    throw new AcmeError(
      `the authority offers ${offered.map(({ type }) => type).join(', ') || 'no challenges'} for ${host}, but this gateway can only answer: ${possible.join(', ') || 'none'}`,
    );
  const { type, token } = challenge;
  const answer = client.keyAuthorization(token);
  try {
    if (type === 'http-01') store.saveToken(token, answer);
    else {
      const key = freshKey();
      store.saveProof(host, key + challengeCertificate(host, answer, createPrivateKey(key), Date.now()));
    }
    await spread();
    await client.ask(challenge.url, {});
    await until(client, url, ['valid'], signal);
  } finally {
    store.removeChallenge(host, token);
  }
}

/**
 * Polls until one of the wanted states is reached, with growing pauses, and no sooner than the authority asks.
 *
 * @param wait milliseconds before the first poll: an early one gets a Retry-After of seconds
 */
async function until(
  client: AcmeClient,
  url: string,
  wanted: readonly string[],
  signal: AbortSignal,
  wait = 500,
): Promise<Record<string, unknown>> {
  await sleep(wait, undefined, { signal });
  for (let pause = 500; ; pause = Math.min(pause * 2, 10_000)) {
    const answer: Answer = await client.ask(url, null);
    const body = asObject(answer);
    if (wanted.includes(String(body.status))) return body;
    if (!['pending', 'ready', 'processing'].includes(String(body.status))) throw refusalOf(body);
    const asked = retryAfter(answer.headers['retry-after']);
    // A wait longer than the order's time limit abandons the order, which is retried after the back-off.
    await sleep(Math.min(Math.max(pause, asked ?? 0), orderTime), undefined, { signal });
  }
}

function refusalOf(body: Record<string, unknown>): AcmeError {
  const challenges = Array.isArray(body.challenges) ? body.challenges : [];
  const failed = challenges.find((one) => (one as { error?: unknown }).error !== undefined);
  return problemOf(
    (failed as { error?: unknown } | undefined)?.error ?? body.error,
    `the order is ${String(body.status)}`,
  );
}
