/** WebSocket over an HTTP/2 stream (RFC 8441), translated into an HTTP/1.1 handshake for the backend (RFC 6455 section 4). */
import { createHash, randomBytes } from 'node:crypto';
import type { Judged } from '../guard/checkpoint.ts';
import { is } from '../wire/field-names.ts';
import { fieldLines, type ResponseHead } from '../wire/response-head.ts';

export interface Handshake {
  /** The request for the backend. */
  readonly judged: Judged;
  /** Whether the answer belongs to this handshake. */
  accepts(head: ResponseHead): boolean;
  /** The answer's fields for the client, as lines. */
  fieldsOf(head: ResponseHead): string;
}

/** RFC 6455 section 1.3. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export function asHandshake(judged: Judged): Handshake {
  const key = randomBytes(16).toString('base64');
  const accept = createHash('sha1')
    .update(key + guid)
    .digest('base64');
  const { request } = judged;
  const rawHeaders = [...request.rawHeaders, 'sec-websocket-key', key];
  return {
    judged: { ...judged, request: { ...request, method: 'GET', rawHeaders } },
    accepts: ({ rawHeaders: answer }) =>
      answer.some((name, i) => i % 2 === 0 && is(name, 'sec-websocket-accept') && answer[i + 1] === accept),
    // RFC 8441 section 5: Sec-WebSocket-Accept is not used there.
    fieldsOf: ({ rawHeaders: answer }) =>
      fieldLines(answer.filter((_, i) => !is(answer[i - (i % 2)]!, 'sec-websocket-accept'))),
  };
}
