/**
 * Compares the request line with its bytes: Node's parser accepts `GET / RTSP/1.0` and any number of spaces as the same request and
 * keeps no trace of the difference. It can return the bytes it is reading, but not where in them a request begins: this file counts
 * that, from the end of one request to the next.
 *
 * Returning the bytes copies them, which would cost a small application a fifth of its time. So they are only fetched where their
 * number differs from what an ordinary client writes for that request. A line with one space too many escapes this if its sender
 * leaves one out in a field; it is still one request, and the application gets it in our form.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ChunkedDecoder } from '../wire/chunked.ts';
import { is } from '../wire/field-names.ts';
import type { HttpRequest } from '../wire/http-request.ts';

const place = Symbol('sekisho.place');

/** Byte offsets in the connection; -1: unknown. */
interface Place {
  /** Start of the next message. */
  next: number;
  /** Start of the last message. */
  last: number;
}

type CountedSocket = Socket & {
  [place]?: Place;
  parser?: { getCurrentBuffer?(): Buffer | undefined } | null;
};

/** The bytes the parser is reading. It returns a copy each time, so one is kept for all requests in it. */
let current: { readonly place: Place; readonly end: number; readonly bytes: Buffer } | null = null;

/**
 * Defects in the request line of a request whose head the parser has just read. Missed where the line and the end of the head came
 * in different packets: then it is still one request, passed on in our own form.
 */
export function requestLineDefects(req: IncomingMessage): Pick<HttpRequest, 'defects'> | undefined {
  const socket = req.socket as CountedSocket | undefined;
  if (socket?.parser?.getCurrentBuffer === undefined) return undefined;
  socket[place] ??= placeAt(0);
  const at = socket[place];
  const end = readSoFar(socket);
  if (req.httpVersion === '1.1' && isPlain(req, at, end)) return undefined;
  if (current?.place !== at || current.end !== end) {
    const bytes = socket.parser.getCurrentBuffer();
    if (bytes === undefined || bytes.length === 0) return undefined;
    current = { place: at, end, bytes };
  }
  const { bytes } = current;
  const from = end - bytes.length;
  const { method, url, httpVersion } = req;
  const line = `${method} ${url} HTTP/${httpVersion}\r\n`;
  let begin = startIn(at, bytes, from);
  if (begin === -1) begin = Math.max(0, bytes.indexOf(line, 0, 'latin1'));
  const start = behindEmptyLines(bytes, begin);
  at.last = from + begin;
  at.next = -1;
  if (bytes.toString('latin1', start, start + line.length) === line) {
    const headEnd = bytes.indexOf('\r\n\r\n', start + line.length - 2);
    const length = headEnd === -1 ? -1 : bodyLength(req, bytes.subarray(headEnd + 4));
    if (length !== -1) at.next = from + headEnd + 4 + length;
    return undefined;
  }
  if (httpVersion === '0.9') return undefined;
  const words = /^(\S+)[ \t]+(\S+)[ \t\r]/.exec(bytes.toString('latin1', start, bytes.indexOf('\n', start)));
  // Otherwise this is not the request line.
  if (words === null || words[1] !== method || words[2] !== url) return undefined;
  const why = 'a request line that is not METHOD, TARGET and HTTP-VERSION with single spaces';
  return { defects: [{ why, at: start - begin }] };
}

/** Whether as many bytes came as an ordinary client writes (single spaces, one after each colon). If so, counts them. */
function isPlain({ method, url, rawHeaders }: IncomingMessage, at: Place, end: number): boolean {
  if (at.next === -1) return false;
  let body = 0;
  let head = `${method} ${url} HTTP/1.1\r\n\r\n`.length;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = rawHeaders[i + 1]!;
    head += name.length + value.length + ': \r\n'.length;
    if (is(name, 'content-length')) body = Number(value);
    else if (is(name, 'transfer-encoding')) return false;
  }
  const came = end - at.next;
  if (came !== head && came !== head + body) return false;
  at.last = at.next;
  at.next += head + body;
  return true;
}

/** Where in bytes that the parser refused the faulty message begins. -1: unknown. */
export function messageStart(socket: CountedSocket, bytes: Buffer): number {
  const at = socket[place] ?? placeAt(0);
  const from = readSoFar(socket) - bytes.length;
  const start = startIn(at, bytes, from);
  // The fault is in the body of the message before.
  return start === -1 && at.last >= from ? at.last - from : start;
}

/** Whether a judged request is complete and nothing has arrived after it. */
export const nothingBehind = (socket: CountedSocket): boolean => socket[place]?.next === readSoFar(socket);

const placeAt = (next: number): Place => ({ next, last: -1 });

/** Bytes of the connection that the parser has got. */
const readSoFar = ({ bytesRead, readableLength }: Socket): number => bytesRead - readableLength;

/** @param from offset of the bytes in the connection */
const startIn = ({ next }: Place, bytes: Buffer, from: number): number =>
  next >= from && next < from + bytes.length ? next - from : -1;

/** -1: chunked and not complete. */
function bodyLength({ headers }: IncomingMessage, bytes: Buffer): number {
  if (headers['transfer-encoding'] === undefined) return Number(headers['content-length'] ?? 0);
  const decoder = new ChunkedDecoder();
  const length = decoder.decode(bytes, ignore);
  return decoder.done ? length : -1;
}

/** RFC 9112 section 2.2: empty lines before the request line are ignored. */
function behindEmptyLines(bytes: Buffer, start: number): number {
  let at = start;
  while (bytes[at] === 0x0d || bytes[at] === 0x0a) at++;
  return at;
}

const ignore = (): void => {};
