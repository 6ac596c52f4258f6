/** HTTP/2: with prior knowledge on a plain port, by ALPN inside TLS. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { type Baseline, withoutProof } from './answer.ts';
import type { AuditContext } from './audit-context.ts';
import type { Challenge } from './canary.ts';
import { UnreachableError } from './connection.ts';
import type { Outcome, TechniqueId } from './finding.ts';
import type { FixKind } from './fixes.ts';
import { proofOf, proven } from './proof.ts';

export interface H2Technique {
  readonly id: TechniqueId;
  readonly fix: FixKind;
  readonly sent: string;
  readonly headers: (context: AuditContext, challenge: Challenge) => OutgoingHttpHeaders;
  /** After a 2xx the stream is a tunnel. */
  readonly tunnel?: true;
}

export const h2Techniques: readonly H2Technique[] = [
  {
    id: 'connect/h2',
    fix: 'h2-connect',
    sent: 'HTTP/2 :method CONNECT :authority CANARY',
    headers: ({ canary }) => ({ ':method': 'CONNECT', ':authority': canary.authority }),
    tunnel: true,
  },
  {
    id: 'extended-connect',
    fix: 'h2-connect',
    sent: 'HTTP/2 :method CONNECT :protocol websocket :authority CANARY',
    headers: ({ canary }, { path }) => ({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': path,
      ':authority': canary.authority,
    }),
    tunnel: true,
  },
  {
    id: 'host-foreign/h2',
    fix: 'host-forwarding',
    sent: 'HTTP/2 :method GET :authority CANARY',
    headers: ({ canary }, { path }) => ({ ':method': 'GET', ':path': path, ':authority': canary.authority }),
  },
  {
    id: 'authority-mismatch',
    fix: 'host-forwarding',
    sent: 'HTTP/2 :method GET :authority OWN | host: CANARY',
    headers: ({ canary, own }, { path }) => ({
      ':method': 'GET',
      ':path': path,
      ':authority': own,
      host: canary.authority,
    }),
  },
  {
    id: 'target-malformed/h2-path',
    fix: 'forward-proxy',
    sent: 'HTTP/2 :method GET :path http://CANARY/',
    headers: ({ canary, own }, { path }) => ({
      ':method': 'GET',
      ':path': `http://${canary.authority}${path}`,
      ':authority': own,
    }),
  },
];

/** A session, or null if the port does not speak HTTP/2. @throws BudgetError */
export async function openH2(context: AuditContext): Promise<ClientHttp2Session | null> {
  const { address, port, tls, patience, servername } = context;
  await context.turn();
  const host = address.includes(':') ? `[${address}]` : address;
  const session = connect(`${tls ? 'https' : 'http'}://${host}:${port}`, {
    rejectUnauthorized: false,
    ...(servername === null ? {} : { servername }),
    // A pushed page would answer no request of ours.
    settings: { enablePush: false },
  });
  session.on('error', () => {});
  try {
    // An HTTP/2 server sends SETTINGS first (RFC 9113 section 3.4); an HTTP/1 server sends something else.
    const signal = AbortSignal.timeout(Math.min(patience, 2_000));
    await Promise.race([
      once(session, 'remoteSettings', { signal }),
      once(session, 'close', { signal }).then(() => Promise.reject(new Error('closed'))),
    ]);
    return session;
  } catch {
    session.destroy();
    return null;
  }
}

/** Runs one technique on its own session. @throws UnreachableError, BudgetError */
export async function runH2(
  technique: H2Technique,
  context: AuditContext,
  baseline: Baseline | null,
): Promise<Outcome> {
  const session = await openH2(context);
  if (session === null) throw new UnreachableError('the server no longer speaks HTTP/2');
  const challenge = context.canary.newChallenge();
  const since = { count: context.canary.count, anyConnection: false };
  try {
    const headers = {
      ...technique.headers(context, challenge),
      'user-agent': `sekisho-audit ${challenge.id}`,
    };
    const stream = session.request(headers, { endStream: technique.tunnel !== true });
    const signal = AbortSignal.timeout(context.patience);
    const chunks: Buffer[] = [];
    let status = 0;
    let code = 0;
    stream.on('error', ({ code: _ }: NodeJS.ErrnoException) => {});
    stream.on('close', () => {
      code = stream.rstCode;
    });
    const closed = once(stream, 'close', { signal }).catch(() => {});
    stream.on('response', (response) => {
      status = response[':status'] ?? 0;
      if (technique.tunnel && status < 300) stream.end(`GET ${challenge.path} HTTP/1.0\r\n\r\n`);
    });
    stream.on('data', (chunk: Buffer) => {
      if (chunks.length < 64) chunks.push(chunk);
    });
    await closed;
    const body = Buffer.concat(chunks);
    const relayed = proven(proofOf(context, challenge, body, since), status || null);
    if (relayed !== null) return relayed;
    if (status === 0) {
      if (code !== 0 || stream.closed)
        return { result: 'refuses', why: `the stream was reset (code ${code})` };
      return { result: 'unclear', why: `no answer within ${context.patience / 1000} s` };
    }
    const asHttp1 = Buffer.from(`HTTP/1.1 ${status}\r\n\r\n`);
    return withoutProof({ bytes: asHttp1, ended: 'closed' }, baseline, context.patience);
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_HTTP2')) {
      return { result: 'refuses', why: `this server does not allow it (${error.code})` };
    }
    throw error;
  } finally {
    session.destroy();
  }
}
