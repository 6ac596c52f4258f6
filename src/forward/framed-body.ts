/** What is there of a request body, framed as HTTP/1 sends it. */
import { chunk, lastChunk } from './trailers.ts';
import type { UpstreamRequest } from './upstream-exchange.ts';

/** @returns latin1 where it is a text; null where there is nothing to send */
export function framed({ framing, body, ended, trailers }: UpstreamRequest): Buffer | string | null {
  if (body === null || framing === 'none') return null;
  if (framing === 'length') return body.length > 0 ? body : null;
  const content = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  const pieces = content.length > 0 ? [chunk(content)] : [];
  if (ended) pieces.push(Buffer.from(lastChunk(trailers), 'latin1'));
  return pieces.length > 0 ? Buffer.concat(pieces) : null;
}
