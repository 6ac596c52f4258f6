/**
 * The request line against its bytes: Node's parser takes `GET / RTSP/1.0`, and any number of spaces, for the same request,
 * and keeps nothing of the difference. It can be asked for the bytes that it reads at the moment, but not where in them a
 * request begins: that is kept count of here, from the end of one to the next.
 *
 * The parser copies those bytes, which cost a small application a fifth of its time. Where as many came as an ordinary client
 * writes for that request, they are not asked for. A line that is longer by a space is seen by that, unless its sender leaves
 * one out in a field; it is one request all the same, and the application gets it in our form.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ChunkedDecoder } from '../wire/chunked.ts';
import { is } from '../wire/field-names.ts';
import type { HttpRequest } from '../wire/http-request.ts';

const place = Symbol('sekisho.place');

/** Offsets in the bytes of the connection; -1: not known. */
interface Place {
  /** Of the next message. */
  next: number;
  /** Of the last message that was begun. */
  last: number;
}

type CountedSocket = Socket & {
  [place]?: Place;
  parser?: { getCurrentBuffer?(): Buffer | undefined } | null;
};

/** What the parser reads at the moment. It gives a copy each time: one is taken, however many requests are in it. */
let current: { readonly place: Place; readonly end: number; readonly bytes: Buffer } | null = null;

/**
 * What is wrong with the line of a request whose head the parser has just read. Not seen where the line came in another
 * piece than the end of the head: what passes then is one request all the same, in our own form.
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
  // Else what stands here is not the line at all.
  if (words === null || words[1] !== method || words[2] !== url) return undefined;
  const why = 'a request line that is not METHOD, TARGET and HTTP-VERSION with single spaces';
  return { defects: [{ why, at: start - begin }] };
}

/** Whether exactly the bytes came that an ordinary client writes: single spaces, and one behind each colon. Then it counts them. */
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

/** Where in bytes that the parser gave up on the message begins that is the matter with them. -1: not known. */
export function messageStart(socket: CountedSocket, bytes: Buffer): number {
  const at = socket[place] ?? placeAt(0);
  const from = readSoFar(socket) - bytes.length;
  const start = startIn(at, bytes, from);
  // It is the body of the one before.
  return start === -1 && at.last >= from ? at.last - from : start;
}

/** Of a request that has been judged: nothing came behind it so far, and it is whole. */
export const nothingBehind = (socket: CountedSocket): boolean => socket[place]?.next === readSoFar(socket);

const placeAt = (next: number): Place => ({ next, last: -1 });

/** Bytes of the connection that were given to the parser. */
const readSoFar = ({ bytesRead, readableLength }: Socket): number => bytesRead - readableLength;

/** @param from offset of the bytes in the connection */
const startIn = ({ next }: Place, bytes: Buffer, from: number): number =>
  next >= from && next < from + bytes.length ? next - from : -1;

/** -1: it is chunked, and its end has not come yet. */
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
