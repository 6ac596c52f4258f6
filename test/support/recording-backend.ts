/** A backend that records the exact bytes it gets, to check forwarding byte by byte. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { chunked } from './http-response.ts';
import type { Owner } from './owner.ts';

export interface RecordedRequest {
  /** All bytes of the request, framing included. */
  readonly raw: Buffer;
  readonly requestLine: string;
  /** Header lines unchanged, in order. */
  readonly headerLines: readonly string[];
  /** The body, without chunk framing. */
  readonly body: Buffer;
  /** Trailer lines of a chunked body. */
  readonly trailers: readonly string[];
  /** Number of its connection, from 0. */
  readonly connection: number;
}

export type Answer = string | Buffer;

export interface RecordingBackendOptions {
  /**
   * The raw response (text is latin1), or a function that returns it; undefined: the function answers on the socket itself, which is no
   * longer read as HTTP. @default a plain `200 OK` with the body `ok`
   */
  answer?:
    | Answer
    | ((request: RecordedRequest, socket: Socket) => Answer | undefined | Promise<Answer | undefined>);
}

export interface RecordingBackend {
  readonly port: number;
  /** `127.0.0.1:PORT` */
  readonly authority: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Complete requests, in order. */
  readonly requests: readonly RecordedRequest[];
  /** Violations of the grammar, in words: a correct forwarder causes none. */
  readonly faults: readonly string[];
  /** Connections so far. */
  readonly connections: number;
  /** Changes the answer from now on. */
  answerWith(answer: NonNullable<RecordingBackendOptions['answer']>): void;
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';

/** Starts a backend on 127.0.0.1. A connection is closed after an answer or a request that says `Connection: close`. */
export async function recordingBackend(
  owner: Owner,
  options: RecordingBackendOptions = {},
): Promise<RecordingBackend> {
  const requests: RecordedRequest[] = [];
  const faults: string[] = [];
  const open = new Set<Socket>();
  let answer = options.answer ?? ok;
  let connections = 0;

  const server = createServer((socket) => {
    const connection = connections;
    connections += 1;
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => {});
    let pending = Buffer.alloc(0);
    let busy = false;
    let continued = false;
    const fail = (fault: string): void => {
      faults.push(fault);
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    };
    const onData = (chunk: Buffer): void => {
      pending = Buffer.concat([pending, chunk]);
      // Two requests at once: pipelined or smuggled; both are answered in order.
      if (!busy) void next().catch((error: unknown) => fail(`the answer failed: ${String(error)}`));
    };
    const next = async (): Promise<void> => {
      const request = parseRequest(pending, connection);
      if (request === null) {
        // RFC 9110 section 10.1.1: a proxy that forwards the expectation waits for this before the body.
        if (
          !continued &&
          /\r\nexpect: *100-continue\r\n[\s\S]*\r\n\r\n/i.test(pending.toString('latin1', 0, 8192))
        ) {
          continued = true;
          socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        }
        return;
      }
      continued = false;
      if (typeof request === 'string') return fail(request);
      pending = pending.subarray(request.raw.length);
      requests.push(request);
      busy = true;
      const reply = typeof answer === 'function' ? await answer(request, socket) : answer;
      busy = false;
      if (reply === undefined) {
        socket.off('data', onData);
        return;
      }
      const bytes = typeof reply === 'string' ? Buffer.from(reply, 'latin1') : reply;
      if (closes(bytes.toString('latin1', 0, bytes.indexOf('\r\n\r\n') + 2)) || closesAfter(request)) {
        socket.end(bytes);
        return;
      }
      socket.write(bytes);
      await next();
    };
    socket.on('data', onData);
    socket.once('end', () => {
      if (pending.length > 0) faults.push(`ended in the middle of a request: ${quote(pending)}`);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  owner.after(() => {
    for (const socket of open) socket.destroy();
    return new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    authority: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    requests,
    faults,
    get connections() {
      return connections;
    },
    answerWith(next) {
      answer = next;
    },
  };
}

/** The request at the start of the bytes; null: incomplete; string: what is wrong with it. */
export function parseRequest(bytes: Buffer, connection: number): RecordedRequest | string | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return bytes.length > 1_048_576 ? 'no end of the header within 1 MiB' : null;
  const head = bytes.toString('latin1', 0, headEnd);
  const [requestLine = '', ...headerLines] = head.split('\r\n');
  if (/[\r\n]/.test(head.replaceAll('\r\n', ''))) return `a bare CR or LF in the header: ${quote(bytes)}`;
  if (!/^[!#$%&'*+.^_`|~\w-]+ [\x21-\x7e]+ HTTP\/1\.[01]$/.test(requestLine)) {
    return `a bad request line: ${requestLine}`;
  }
  const bad = headerLines.find((line) => !/^[!#$%&'*+.^_`|~\w-]+:/.test(line));
  if (bad !== undefined) return `a bad header line: ${bad}`;
  const lengths = valuesOf(headerLines, 'content-length');
  const codings = valuesOf(headerLines, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return `more than one framing: ${headerLines.join(' | ')}`;
  const start = headEnd + 4;
  const record = (body: Buffer, trailers: readonly string[], length: number): RecordedRequest => ({
    raw: bytes.subarray(0, start + length),
    requestLine,
    headerLines,
    body,
    trailers,
    connection,
  });
  if (codings.length === 1) {
    if (codings[0]!.toLowerCase() !== 'chunked') return `a coding other than chunked: ${codings[0]}`;
    const body = chunked(bytes.subarray(start));
    return body === null ? null : record(body.body, body.trailers, body.length);
  }
  if (lengths.length === 0) return record(Buffer.alloc(0), [], 0);
  if (!/^\d+$/.test(lengths[0]!)) return `a bad Content-Length: ${lengths[0]}`;
  const length = Number(lengths[0]);
  return bytes.length < start + length ? null : record(bytes.subarray(start, start + length), [], length);
}

function valuesOf(headerLines: readonly string[], name: string): string[] {
  return headerLines
    .filter((line) => line.slice(0, line.indexOf(':')).toLowerCase() === name)
    .map((line) => line.slice(line.indexOf(':') + 1).trim());
}

function closes(head: string): boolean {
  return /\r\nconnection:[ \t]*close[ \t]*\r\n/i.test(head);
}

function closesAfter({ requestLine, headerLines }: RecordedRequest): boolean {
  const connection = valuesOf(headerLines, 'connection').join(',').toLowerCase();
  return connection.includes('close') || (requestLine.endsWith('1.0') && !connection.includes('keep-alive'));
}

function quote(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1', 0, 200));
}
