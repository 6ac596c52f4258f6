/** The body that an app forwards: as received, or as its parsers and hooks have left it. */
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import type { HttpRequest } from '../wire/http-request.ts';
import { type IncomingBody, lengthOf } from './forwarder.ts';

export interface OutgoingBody {
  /** The body so far; null where the request has none. */
  readonly body: IncomingBody | null;
  /** Source of the rest; null where the body is complete. */
  readonly source: Readable | null;
}

const nothing = Buffer.alloc(0);

/** @throws TypeError where the app has parsed the body into something that can't be sent */
export function outgoingBody(request: FastifyRequest, facts: HttpRequest): OutgoingBody {
  const { raw, body } = request;
  if (body instanceof Readable && body !== (raw as unknown)) {
    // A hook replaced the stream, as one that decompresses does.
    return { body: { content: nothing, whole: false, length: -1, trailers: [] }, source: body };
  }
  if (!raw.readableDidRead || body === undefined || body === raw) {
    const length = lengthOf(raw, facts);
    if (length === null) return { body: null, source: null };
    return { body: { content: nothing, whole: false, length, trailers: [] }, source: raw };
  }
  const content = encoded(body, request.headers['content-type'] ?? '');
  return { body: { content, whole: true, length: content.length, trailers: [] }, source: null };
}

/** A parsed body as bytes again. */
function encoded(body: unknown, type: string): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (typeof body === 'string') return Buffer.from(body);
  if (/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) return Buffer.from(JSON.stringify(body));
  throw new TypeError(
    `forward: a body of ${type || 'no type'} was parsed by the app and can't be sent any more. Give its route a parser that leaves it a string, a buffer or a stream`,
  );
}
