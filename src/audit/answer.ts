/** What a server's answer means when it does not prove relaying. Pure. */
import { plural } from '../plural.ts';
import { parseResponseHead } from '../wire/response-head.ts';
import type { Outcome } from './finding.ts';

/** How this server answers ordinary requests. */
export interface Baseline {
  /** Status of its front page. */
  readonly front: number;
  /** Status of a missing page; null if the answer took too long. */
  readonly missing: number | null;
}

export interface Answer {
  readonly bytes: Buffer;
  /** Null: the connection stayed open until the timeout. */
  readonly ended: 'closed' | 'reset' | null;
}

/** The status of the last response; null if there is none. */
export function statusOf(bytes: Buffer): number | null {
  const found = [...bytes.toString('latin1').matchAll(/(?:^|\n)HTTP\/\d(?:\.\d)? (\d{3})/g)].at(-1);
  return found === undefined ? null : Number(found[1]);
}

/** Whether a response to GET is complete, as far as its head says. */
export function isComplete(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  let start = 0;
  for (;;) {
    const end = text.indexOf('\r\n\r\n', start);
    if (end === -1) return false;
    const headText = text.slice(start, end + 4);
    const head = parseResponseHead(Buffer.from(headText, 'latin1'), headText, 'GET');
    if (head === null || typeof head === 'string') return false;
    start = end + 4;
    if (head.status < 200 && head.status !== 101) continue;
    if (head.framing === 'none') return true;
    if (head.framing === 'length') return bytes.length - start >= head.length;
    return head.framing === 'chunked' && text.endsWith('\r\n0\r\n\r\n');
  }
}

/** What an answer means when the canary was not reached. */
export function withoutProof({ bytes, ended }: Answer, baseline: Baseline | null, patience: number): Outcome {
  if (bytes.length === 0) {
    if (ended === 'closed') return { result: 'refuses', why: 'closed the connection without an answer' };
    if (ended === 'reset') return { result: 'refuses', why: 'reset the connection' };
    return { result: 'unclear', why: `no answer within ${patience / 1000} s` };
  }
  const status = statusOf(bytes);
  if (status === null) {
    // SOCKS and TLS servers answer in binary; an HTTP/0.9 answer is the bare page.
    if (bytes[0]! < 0x20 || bytes[0]! > 0x7e) return { result: 'refuses', why: 'does not speak HTTP here' };
    return {
      result: 'answers-itself',
      why: `answered with ${plural(bytes.length, 'byte')}, not an HTTP/1 response`,
    };
  }
  if (status >= 300 && status < 400) {
    const where = /\nlocation:[ \t]*([^\r\n]{1,120})/i.exec(bytes.toString('latin1'))?.[1];
    return { result: 'answers-itself', why: `${status}${where === undefined ? '' : ` to ${where}`}` };
  }
  if (status < 300) {
    return { result: 'answers-itself', why: `${status} with its own page; the canary was not reached` };
  }
  if (status === 407) return { result: 'refuses', why: '407: a proxy that requires credentials' };
  if (isGatewayError(status)) {
    return { result: 'unclear', why: `${status}: ${gatewayError(status, baseline)}` };
  }
  if (status === baseline?.missing && status !== 403 && status !== 421 && status !== 400) {
    return { result: 'answers-itself', why: `${status}, as for any missing page` };
  }
  return { result: 'refuses', why: `status ${status}` };
}

/**
 * Statuses that proxies send when their own connection fails. They are no refusal, even if ordinary pages get them too: a server
 * that forwards by Host sends them for ordinary pages as well.
 */
const isGatewayError = (status: number): boolean => status >= 500 && ![501, 505, 511].includes(status);

function gatewayError(status: number, baseline: Baseline | null): string {
  if (status === baseline?.front) {
    return 'its own front page gets the same status, so it may forward to any host, or its backend is down: fix the backend and try again';
  }
  return "it seems to have tried to connect to the host in the request, but the canary was not reached; can the server reach the canary's address?";
}
