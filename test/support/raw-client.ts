/** Sends bytes unchanged and reads the reply. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type HttpResponse, parseResponses } from './http-response.ts';

export interface RawOptions {
  /** @default '127.0.0.1' */
  host?: string;
  /** Source address, to come as another client: any of 127.0.0.0/8. @default the system's choice */
  from?: string;
  /** Speak TLS first, with these options (certificates are not verified unless they say so). @default plain */
  tls?: ConnectionOptions;
  /** Close the sending side after the last piece. @default false */
  halfClose?: boolean;
  /** Stop after this many final (not 1xx) responses; `close`: only when the peer closes. @default 'close' */
  until?: 'close' | number;
  /** Methods of the requests that were sent, for answers without a body. @default read from the first line */
  methods?: readonly string[];
  /** Milliseconds for everything; then the reply so far is returned. @default 20000 */
  timeout?: number;
  /** Send each piece once there are as many responses as pieces before it. @default false: after a gap */
  inTurn?: boolean;
  /** Milliseconds between two pieces, so that they arrive separately: no event shows that the peer has read. @default 5 */
  gap?: number;
}

export interface RawReply {
  /** All bytes received. */
  readonly bytes: Buffer;
  /** The same as latin1 text. */
  readonly text: string;
  readonly responses: readonly HttpResponse[];
  /** Bytes after the last complete response. */
  readonly rest: Buffer;
  /** How it ended: the peer closed, it reset the connection, or we stopped reading (done, or out of time). */
  readonly ended: 'closed' | 'reset' | 'stopped' | 'timeout';
}

/**
 * Sends raw bytes (text is latin1), an array piece by piece, and collects the reply.
 *
 * @throws where the connection cannot be made
 */
export async function exchange(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer)[],
  options: RawOptions = {},
): Promise<RawReply> {
  const pieces = (Array.isArray(bytes) ? bytes : [bytes]).map((piece: string | Buffer) =>
    typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece,
  );
  const methods = options.methods ?? [/^[A-Z]+/.exec(pieces[0]?.toString('latin1') ?? '')?.[0] ?? 'GET'];
  const until = options.until ?? 'close';
  const signal = AbortSignal.timeout(options.timeout ?? 20_000);
  const socket = await open(port, options, signal);
  const received: Buffer[] = [];
  const over = Promise.withResolvers<RawReply['ended']>();
  const parse = (closed: boolean) => parseResponses(Buffer.concat(received), { methods, closed });
  socket.on('data', (chunk: Buffer) => {
    received.push(chunk);
    if (until === 'close') return;
    if (parse(false).responses.filter(({ status }) => status >= 200 || status === 101).length >= until) {
      over.resolve('stopped');
    }
  });
  socket.once('end', () => over.resolve('closed'));
  socket.once('close', () => over.resolve('closed'));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // EPIPE: the peer closed while we still send; its answer may be waiting to be read.
    if (error.code !== 'EPIPE') over.resolve('reset');
  });
  signal.addEventListener('abort', () => over.resolve('timeout'));
  const answered = (): number => parse(false).responses.filter(({ status }) => status >= 200).length;
  void send(socket, pieces, options, answered);
  const ended = await over.promise;
  socket.destroy();
  const all = Buffer.concat(received);
  return {
    bytes: all,
    text: all.toString('latin1'),
    ...parse(ended === 'closed' || ended === 'reset'),
    ended,
  };
}

async function open(port: number, options: RawOptions, signal: AbortSignal): Promise<Socket> {
  const host = options.host ?? '127.0.0.1';
  const localAddress = options.from === undefined ? {} : { localAddress: options.from };
  // allowHalfOpen: the peer's end must not stop our sending.
  const socket =
    options.tls === undefined
      ? createConnection({
          port,
          host,
          noDelay: true,
          allowHalfOpen: true,
          ...localAddress,
        })
      : connectTls({ port, host, rejectUnauthorized: false, ...localAddress, ...options.tls });
  try {
    await once(socket, options.tls === undefined ? 'connect' : 'secureConnect', { signal });
  } catch (cause) {
    socket.destroy();
    throw new Error(`cannot connect to ${host}:${port}`, { cause });
  }
  return socket;
}

async function send(
  socket: Socket,
  pieces: readonly Buffer[],
  options: RawOptions,
  answered: () => number,
): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (options.inTurn === true) while (answered() < index && !socket.destroyed) await delay(2);
    else if (index > 0) await delay(options.gap ?? 5);
    if (socket.destroyed) return;
    await new Promise((done) => socket.write(piece, done));
  }
  if (options.halfClose === true && !socket.destroyed) socket.end();
}
