/** One HTTP/2 request with its reply: heads, trailers, and how the stream ended. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Owner } from './owner.ts';

export interface Http2Reply {
  /** 0: no head received. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Informational heads, in order. */
  readonly information: readonly (IncomingHttpHeaders & IncomingHttpStatusHeader)[];
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The error code that the stream ended with: `NO_ERROR`, `INTERNAL_ERROR` … */
  readonly code: string;
}

/** An HTTP/2 connection, closed with its owner; certificates are not verified. */
export async function http2Session(owner: Owner, url: string): Promise<ClientHttp2Session> {
  const session = connect(url, { rejectUnauthorized: false, maxSessionMemory: 64 });
  session.on('error', () => {});
  owner.after(() => session.destroy());
  await once(session, 'remoteSettings', { signal: AbortSignal.timeout(20_000) });
  return session;
}

/** @param body undefined: the head is the whole request */
export async function http2Request(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Reply> {
  const stream = session.request(headers, {
    endStream: body === undefined,
    signal: AbortSignal.timeout(20_000),
  });
  stream.on('error', () => {});
  if (body !== undefined) stream.end(body);
  const information: (IncomingHttpHeaders & IncomingHttpStatusHeader)[] = [];
  const pieces: Buffer[] = [];
  let head: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('headers', (more) => information.push(more));
  stream.on('response', (got) => {
    head = got;
  });
  stream.on('trailers', (got) => {
    trailers = got;
  });
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  if (!stream.closed) await once(stream, 'close').catch(() => {});
  return {
    status: head[':status'] ?? 0,
    headers: head,
    information,
    trailers,
    body: Buffer.concat(pieces),
    code: codeNames.get(stream.rstCode) ?? String(stream.rstCode),
  };
}

const codeNames = new Map(
  Object.entries(constants)
    .filter(([name]) =>
      /^NGHTTP2_(?:NO_ERROR|[A-Z0-9_]+_ERROR|CANCEL|REFUSED_STREAM|ENHANCE_YOUR_CALM)$/.test(name),
    )
    .filter(([name]) => !name.startsWith('NGHTTP2_ERR_'))
    .map(([name, value]) => [value as number, name.slice('NGHTTP2_'.length)]),
);
