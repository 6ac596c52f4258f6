/** One order: from a name to key and chain (RFC 8555 section 7.4). */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AcmeClient, AcmeError, type Answer, asObject, problemOf, retryAfter } from './client.ts';
import { certificateRequest, challengeCertificate } from './der.ts';
import type { ChallengeType } from './options.ts';
import type { Store } from './store.ts';

/** A fresh key of P-256, PEM. */
export const freshKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string;

export interface OrderOptions {
  readonly client: AcmeClient;
  readonly store: Store;
  readonly host: string;
  /** Which proofs can be given, the one to try first first. */
  readonly challenges: readonly ChallengeType[];
  /** The certificate that is renewed by its name in renewal information; null: none, or the authority has no such. */
  readonly replaces: string | null;
  /** Resolves when every gateway that may be asked for the proof has it. */
  readonly spread: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** The most that an order may take, milliseconds. */
const orderTime = 300_000;

/** @returns key and chain, PEM @throws AcmeError where the authority refuses */
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
  // Of one name there is one; more of them would be for something that was not asked for.
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
  const told = asObject(await client.ask(url, null));
  if (told.status === 'valid') return;
  const offered = (Array.isArray(told.challenges) ? told.challenges : []) as Challenge[];
  const challenge = possible
    .map((type) => offered.find((one) => one.type === type))
    .find((one) => one !== undefined);
  if (challenge === undefined)
    throw new AcmeError(
      `the authority offers ${offered.map(({ type }) => type).join(', ') || 'nothing'} for ${host}, and here can be answered: ${possible.join(', ') || 'nothing'}`,
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
 * Asks until one of these is reached; less often as time goes on, and as the authority says.
 *
 * @param wait milliseconds before it is asked first: an answer that comes too early asks for seconds of patience
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
    const told = asObject(answer);
    if (wanted.includes(String(told.status))) return told;
    if (!['pending', 'ready', 'processing'].includes(String(told.status))) throw refusalOf(told);
    const asked = retryAfter(answer.headers['retry-after']);
    // Longer than an order may take: it is given up, and made again after the back-off.
    await sleep(Math.min(Math.max(pause, asked ?? 0), orderTime), undefined, { signal });
  }
}

function refusalOf(told: Record<string, unknown>): AcmeError {
  const challenges = Array.isArray(told.challenges) ? told.challenges : [];
  const failed = challenges.find((one) => (one as { error?: unknown }).error !== undefined);
  return problemOf(
    (failed as { error?: unknown } | undefined)?.error ?? told.error,
    `the order is ${String(told.status)}`,
  );
}
