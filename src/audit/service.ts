/** Finds out what a port speaks, so that only meaningful techniques are tried. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Baseline, isComplete, statusOf } from './answer.ts';
import type { AuditContext } from './audit-context.ts';
import { UnreachableError } from './connection.ts';

export interface Service {
  /** `closed`: nothing accepts. `silent`: accepts but answers neither HTTP nor TLS, like a SOCKS server. */
  readonly speaks: 'http' | 'smtp' | 'other' | 'silent' | 'closed';
  readonly tls: boolean;
  readonly baseline: Baseline | null;
  /** Its greeting, or its answers to ordinary requests. */
  readonly text: string;
  /** Its own pages take longer than the timeout. */
  readonly slow: boolean;
}

/** Mail servers may delay the greeting to catch early talkers (postscreen: 6 s). */
const mailPorts: ReadonlySet<number> = new Set([25, 465, 587, 2525]);

const nothing = { tls: false, baseline: null, text: '', slow: false } as const;

/** Milliseconds without an answer before a malformed request is sent, which needs no page to answer. */
const refusalDelay = 1_000;
/** The first answer gets this many times the usual timeout: a slow server must not pass for a silent one. */
const firstAnswerFactor = 2.5;

/** @throws BudgetError */
export async function findService(context: AuditContext): Promise<Service> {
  try {
    const plain = await listen(context, false);
    if (plain !== null && plain.speaks !== 'silent') return plain;
    return (await listen(context, true)) ?? plain ?? { ...nothing, speaks: 'silent' };
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return { ...nothing, speaks: 'closed', text: error.message };
  }
}

/** Null without `tls`: the server asks for TLS. Null with `tls`: the handshake failed. */
async function listen(context: AuditContext, tls: boolean): Promise<Service | null> {
  const connection = await context.dial({ tls }).catch((error: unknown) => {
    if (tls && error instanceof UnreachableError) return null;
    throw error;
  });
  if (connection === null) return null;
  try {
    const mail = mailPorts.has(context.port);
    const patience = mail ? Math.max(context.patience, 8_000) : Math.min(context.patience / 4, 1_000);
    const first = (await connection.until((bytes) => bytes.includes('\n'), patience, 200)).toString('latin1');
    if (/^220[ -]/.test(first)) return { ...nothing, speaks: 'smtp', tls, text: first };
    if (first !== '') return { ...nothing, speaks: 'other', tls, text: first };
  } finally {
    connection.close();
  }
  context.tls = tls;
  const { front, refusal, late } = await frontPage(context);
  const status = statusOf(front);
  const text = front.toString('latin1');
  // A mail server with a slow greeting sends it before it rejects the GET.
  if (/^220[ -]/.test(text)) return { ...nothing, speaks: 'smtp', tls, text };
  if (status === null && statusOf(refusal) === null) {
    context.tls = false;
    return { ...nothing, speaks: 'silent', text };
  }
  // nginx, Apache and Node answer plain HTTP on a TLS port with 400 and a text that names TLS.
  const said = `${text}\n${refusal.toString('latin1')}`;
  if (!tls && (status ?? statusOf(refusal)) === 400 && /https|TLS|SSL/i.test(said)) return null;
  // A late page is no baseline: nothing else will come in time either.
  if (status === null || late) return { ...nothing, speaks: 'http', tls, text: said, slow: true };
  const missing = await fetchPage(context, `/sekisho-audit/${randomBytes(8).toString('hex')}`);
  return {
    speaks: 'http',
    tls,
    baseline: { front: status, missing: statusOf(missing) },
    text: `${text}\n${missing.toString('latin1')}`,
    slow: statusOf(missing) === null,
  };
}

/** The front page. If it is slow, also the answer to a malformed request, which every HTTP server sends at once. */
async function frontPage(context: AuditContext): Promise<{ front: Buffer; refusal: Buffer; late: boolean }> {
  const longest = context.patience * firstAnswerFactor;
  const began = performance.now();
  const answered = new AbortController();
  const asked = fetchPage(context, '/', longest).finally(() => answered.abort());
  asked.catch(() => {});
  await delay(Math.min(refusalDelay, context.patience / 2), undefined, { signal: answered.signal }).catch(
    () => {},
  );
  if (answered.signal.aborted) return { front: await asked, refusal: Buffer.alloc(0), late: false };
  // Once the refusal shows that the port speaks HTTP, the page gets only the usual timeout.
  const refused = exchange(context, 'SEKISHO-AUDIT\r\n\r\n', longest);
  const refusal = await refused;
  const rest = Math.max(0, context.patience - (performance.now() - began));
  const front =
    statusOf(refusal) === null
      ? await asked
      : await Promise.race([asked, delay(rest).then(() => Buffer.alloc(0))]);
  return { front, refusal, late: performance.now() - began > context.patience };
}

/** Sends an ordinary request for one of the server's own pages. @throws UnreachableError, BudgetError */
export function fetchPage(context: AuditContext, path: string, patience = context.patience): Promise<Buffer> {
  return exchange(
    context,
    `GET ${path} HTTP/1.1\r\nHost: ${context.own}\r\nUser-Agent: sekisho-audit\r\nConnection: close\r\n\r\n`,
    patience,
  );
}

async function exchange(context: AuditContext, bytes: string, patience: number): Promise<Buffer> {
  const connection = await context.dial();
  try {
    connection.send(bytes);
    return await connection.until(isComplete, patience, 1_500);
  } finally {
    connection.close();
  }
}
