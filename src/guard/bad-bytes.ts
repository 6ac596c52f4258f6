/** Bytes that Node's parser refused, or read more kindly than it should. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { judge, judgeFirstBytes, type Verdict } from '../judge.ts';
import type { Policy } from '../rules/policy.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { parseRequestHead } from '../wire/request-head.ts';

/** What Node's parser tells about bytes it could not read. */
export interface ParserError extends Error {
  readonly code?: string;
  readonly reason?: string;
  readonly bytesParsed?: number;
  readonly rawPacket?: Buffer;
}

const nothing: HttpRequest = { method: '', target: '', version: '1.0', rawHeaders: [] };

/**
 * Judges what the parser refused. Always a block.
 *
 * @param first the connection begins with these bytes
 */
export function judgeBytes(error: ParserError, bytes: Buffer, first: boolean, policy: Policy): Verdict {
  if (first) {
    const other = judgeFirstBytes(bytes, policy);
    if (other !== null) return other;
  }
  const defect = { why: error.reason ?? 'the bytes are no HTTP request', at: error.bytesParsed ?? 0 };
  const head = first ? parseRequestHead(bytes) : null;
  if (head === null) return judge({ ...nothing, defects: [defect] }, policy);
  const { defects, ...request } = head;
  const verdict = judge(defects.length > 0 ? { ...request, defects } : request, policy);
  // Whatever else was seen or not: the parser refused it, so it is refused.
  return verdict.action === 'block' ? verdict : judge({ ...request, defects: [...defects, defect] }, policy);
}

/**
 * The request line against its bytes: Node's parser takes `GET / RTSP/1.0`, and any number of spaces, for the same
 * request, and keeps nothing of the difference. Looked at for the first request of a connection, where its bytes came
 * in one piece; a probe comes on a connection of its own, and ordinary traffic pays for it once a connection.
 *
 * @param before bytes of the connection that were read and served before the server got it
 */
export function requestLineDefects(
  req: IncomingMessage,
  before: number,
): Pick<HttpRequest, 'defects'> | undefined {
  const bytes = (
    req.socket as Socket & { parser?: { getCurrentBuffer?(): Buffer | undefined } }
  ).parser?.getCurrentBuffer?.();
  if (bytes === undefined || bytes.length !== req.socket.bytesRead - before) return undefined;
  let start = 0;
  // RFC 9112 section 2.2: empty lines before the request line are ignored.
  while (bytes[start] === 0x0d || bytes[start] === 0x0a) start++;
  const line = `${req.method} ${req.url} HTTP/${req.httpVersion}\r\n`;
  if (bytes.toString('latin1', start, start + line.length) === line || req.httpVersion === '0.9')
    return undefined;
  const why = 'a request line that is not METHOD, TARGET and HTTP-VERSION with single spaces';
  return { defects: [{ why, at: start }] };
}
