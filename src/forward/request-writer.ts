/** Writes requests to a backend over HTTP/1.1. */
import type { Socket } from 'node:net';
import { chunk, lastChunk } from './trailers.ts';
import type { UpstreamRequest } from './upstream-exchange.ts';

/** A body up to this long goes out in one write with its head: copying it costs less than a second write. */
const worthJoining = 16 * 1024;

/** Writes the head and as much of the body as is there. */
export function writeRequest(socket: Socket, request: UpstreamRequest): void {
  const { head } = request;
  const body = framed(request);
  if (body === null) socket.write(head, 'latin1');
  else if (typeof body === 'string') socket.write(head + body, 'latin1');
  else if (body.length <= worthJoining) {
    const joined = Buffer.allocUnsafe(head.length + body.length);
    joined.write(head, 0, 'latin1');
    joined.set(body, head.length);
    socket.write(joined);
  } else {
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body);
    socket.uncork();
  }
}

/** One chunk, without a copy of its content. @returns false where the caller should wait for 'drain' */
export function writeChunk(socket: Socket, data: Buffer): boolean {
  socket.cork();
  socket.write(`${data.length.toString(16)}\r\n`, 'latin1');
  socket.write(data);
  const more = socket.write('\r\n', 'latin1');
  socket.uncork();
  return more;
}

/** The body so far, in its framing. @returns a string is latin1; null: nothing to send */
function framed({ framing, body, ended, trailers }: UpstreamRequest): Buffer | string | null {
  if (body === null || framing === 'none') return null;
  if (framing === 'length') return body.length > 0 ? body : null;
  const content = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const pieces = content.length > 0 ? [chunk(content)] : [];
  if (ended) pieces.push(Buffer.from(lastChunk(trailers), 'latin1'));
  return pieces.length > 0 ? Buffer.concat(pieces) : null;
}
