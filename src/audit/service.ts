/** What a port speaks: found out first, so that each technique is tried where it can mean something. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Baseline, isComplete, statusOf } from './answer.ts';
import { UnreachableError } from './connection.ts';
import type { Ground } from './ground.ts';

export interface Service {
  /** `closed`: nobody accepts. `silent`: accepts, and answers neither HTTP nor TLS; a SOCKS server does so. */
  readonly speaks: 'http' | 'smtp' | 'other' | 'silent' | 'closed';
  readonly tls: boolean;
  readonly baseline: Baseline | null;
  /** What it said of its own accord. */
  readonly text: string;
  /** Its own pages take longer than an answer may. */
  readonly slow: boolean;
}

/** Mail servers may make a client wait, to see whether it talks too early (postscreen: 6 s). */
const mailPorts: ReadonlySet<number> = new Set([25, 465, 587, 2525]);

const nothing = { tls: false, baseline: null, text: '', slow: false } as const;

/** Milliseconds after which a server that has not answered is asked something that needs no page. */
const impatience = 1_000;
/** How many times as long as an answer may take the first one is waited for: a slow server must not pass for a silent one. */
const firstAnswer = 2.5;

/** @throws BudgetError */
export async function findService(ground: Ground): Promise<Service> {
  try {
    const plain = await listen(ground, false);
    if (plain !== null && plain.speaks !== 'silent') return plain;
    return (await listen(ground, true)) ?? plain ?? { ...nothing, speaks: 'silent' };
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { ...nothing, speaks: 'closed', text: error.message };
  }
}

/** Null where TLS should be tried: an HTTP server told to, or there is no TLS here either. */
async function listen(ground: Ground, tls: boolean): Promise<Service | null> {
  const connection = await ground.dial({ tls }).catch((error: unknown) => {
    if (tls && error instanceof UnreachableError) return null;
    throw error;
  });
  if (connection === null) return null;
  try {
    const mail = mailPorts.has(ground.port);
    const patience = mail ? Math.max(ground.patience, 8_000) : Math.min(ground.patience / 4, 1_000);
    const first = (await connection.until((bytes) => bytes.includes('\n'), patience, 200)).toString('latin1');
    if (/^220[ -]/.test(first)) return { ...nothing, speaks: 'smtp', tls, text: first };
    if (first !== '') return { ...nothing, speaks: 'other', tls, text: first };
  } finally {
    connection.close();
  }
  ground.tls = tls;
  const { front, refusal, late } = await frontPage(ground);
  const status = statusOf(front);
  const text = front.toString('latin1');
  // A mail server that was slow to greet greets before it complains about the GET.
  if (/^220[ -]/.test(text)) return { ...nothing, speaks: 'smtp', tls, text };
  if (status === null && statusOf(refusal) === null) {
    ground.tls = false;
    return { ...nothing, speaks: 'silent', text };
  }
  // nginx, Apache and Node say so in words, with a 400, where TLS is spoken.
  const said = `${text}\n${refusal.toString('latin1')}`;
  if (!tls && (status ?? statusOf(refusal)) === 400 && /https|TLS|SSL/i.test(said)) return null;
  // A page that came late is no baseline: nothing else will come in time either.
  if (status === null || late) return { ...nothing, speaks: 'http', tls, text: said, slow: true };
  const missing = await ask(ground, `/sekisho-audit/${randomBytes(8).toString('hex')}`);
  return {
    speaks: 'http',
    tls,
    baseline: { front: status, missing: statusOf(missing) },
    text: `${text}\n${missing.toString('latin1')}`,
    slow: statusOf(missing) === null,
  };
}

/** Its front page; where that takes long, also what it says to a line that is no request: every HTTP server answers that at once. */
async function frontPage(ground: Ground): Promise<{ front: Buffer; refusal: Buffer; late: boolean }> {
  const longest = ground.patience * firstAnswer;
  const began = performance.now();
  const answered = new AbortController();
  const asked = ask(ground, '/', longest).finally(() => answered.abort());
  asked.catch(() => {});
  await delay(Math.min(impatience, ground.patience / 2), undefined, { signal: answered.signal }).catch(
    () => {},
  );
  if (answered.signal.aborted) return { front: await asked, refusal: Buffer.alloc(0), late: false };
  // Once the refusal has told that HTTP is spoken, the page is worth no longer wait than any other.
  const refused = exchange(ground, 'SEKISHO-AUDIT\r\n\r\n', longest);
  const refusal = await refused;
  const rest = Math.max(0, ground.patience - (performance.now() - began));
  const front =
    statusOf(refusal) === null
      ? await asked
      : await Promise.race([asked, delay(rest).then(() => Buffer.alloc(0))]);
  return { front, refusal, late: performance.now() - began > ground.patience };
}

/** An ordinary request for a page of the server's own. @throws UnreachableError, BudgetError */
export function ask(ground: Ground, path: string, patience = ground.patience): Promise<Buffer> {
  return exchange(
    ground,
    `GET ${path} HTTP/1.1\r\nHost: ${ground.own}\r\nUser-Agent: sekisho-audit\r\nConnection: close\r\n\r\n`,
    patience,
  );
}

async function exchange(ground: Ground, bytes: string, patience: number): Promise<Buffer> {
  const connection = await ground.dial();
  try {
    connection.send(bytes);
    return await connection.until(isComplete, patience, 1_500);
  } finally {
    connection.close();
  }
}
