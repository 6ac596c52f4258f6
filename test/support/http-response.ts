/** A small strict parser of the HTTP/1 responses that a test has read from a socket. */

export interface HttpResponse {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  /** Header lines unchanged, in order. */
  readonly headerLines: readonly string[];
  /** Values by lower-case name, in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** The body, without chunk framing. */
  readonly body: Buffer;
  /** Trailer lines of a chunked body. */
  readonly trailers: readonly string[];
  /** Whether the body is complete (one without a length ends with the connection). */
  readonly complete: boolean;
}

export interface ParsedResponses {
  readonly responses: readonly HttpResponse[];
  /** Bytes after the last complete response: of the next one, of a tunnel, or not HTTP. */
  readonly rest: Buffer;
}

/**
 * Reads all complete responses.
 *
 * @param methods the method of each request in turn: the answers to HEAD and to CONNECT have no body
 * @param closed whether the peer has closed: that completes a body without a length
 */
export function parseResponses(
  bytes: Buffer,
  { methods = [], closed = false }: { methods?: readonly string[]; closed?: boolean } = {},
): ParsedResponses {
  const responses: HttpResponse[] = [];
  let rest = bytes;
  let asked = 0;
  for (;;) {
    const parsed = parseOne(rest, methods[asked] ?? 'GET', closed);
    if (parsed === null) return { responses, rest };
    responses.push(parsed.response);
    rest = rest.subarray(parsed.length);
    // After 101 and a tunnel's 2xx the bytes are not HTTP.
    const { status } = parsed.response;
    if (status === 101 || (methods[asked] === 'CONNECT' && status < 300)) return { responses, rest };
    if (status >= 200) asked += 1;
  }
}

function parseOne(
  bytes: Buffer,
  method: string,
  closed: boolean,
): { response: HttpResponse; length: number } | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return null;
  const [statusLine = '', ...headerLines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const match = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/.exec(statusLine);
  if (match === null) return null;
  const headers = new Map<string, string[]>();
  for (const line of headerLines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  const status = Number(match[2]);
  const head = { version: match[1]!, status, reason: match[3] ?? '', headerLines, headers };
  const start = headEnd + 4;
  const message = bodyOf(bytes.subarray(start), { head, method, closed });
  if (message === null) return null;
  const { length, ...body } = message;
  return { response: { ...head, ...body }, length: start + length };
}

export interface Body {
  body: Buffer;
  trailers: string[];
  complete: boolean;
  /** Its length in bytes. */
  length: number;
}

/** RFC 9112 §6.3: the body of a response. Null: incomplete. */
function bodyOf(
  bytes: Buffer,
  {
    head,
    method,
    closed,
  }: { head: Pick<HttpResponse, 'status' | 'headers'>; method: string; closed: boolean },
): Body | null {
  const { status, headers } = head;
  const whole = (length: number): Body => ({
    body: bytes.subarray(0, length),
    trailers: [],
    complete: true,
    length,
  });
  const broken = (): Body | null =>
    closed ? { body: bytes, trailers: [], complete: false, length: bytes.length } : null;
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return whole(0);
  if (method === 'CONNECT' && status < 300) return whole(0);
  if (/\bchunked$/i.test(headers.get('transfer-encoding')?.at(-1) ?? '')) return chunked(bytes) ?? broken();
  const lengths = headers.get('content-length');
  if (lengths === undefined) return closed ? whole(bytes.length) : null;
  if (new Set(lengths).size !== 1 || !/^\d+$/.test(lengths[0]!)) return broken();
  const length = Number(lengths[0]);
  return bytes.length >= length ? whole(length) : broken();
}

/** A complete chunked body, or null. */
export function chunked(bytes: Buffer): Body | null {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const size = /^([0-9a-f]{1,8})(?:[ \t]*;.*)?$/i.exec(bytes.toString('latin1', at, lineEnd))?.[1];
    if (size === undefined) return null;
    at = lineEnd + 2;
    const length = Number.parseInt(size, 16);
    if (length === 0) return trailersAt(bytes, at, pieces);
    if (bytes.length < at + length + 2 || bytes.toString('latin1', at + length, at + length + 2) !== '\r\n') {
      return null;
    }
    pieces.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
}

function trailersAt(bytes: Buffer, start: number, pieces: readonly Buffer[]): Body | null {
  const trailers: string[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const line = bytes.toString('latin1', at, lineEnd);
    at = lineEnd + 2;
    if (line === '') return { body: Buffer.concat(pieces), trailers, complete: true, length: at };
    trailers.push(line);
  }
}
