/** What a server said to a request that it should have refused, and what that means. Pure. */
import { plural } from '../plural.ts';
import { parseResponseHead } from '../wire/response-head.ts';
import type { CanaryHit } from './canary.ts';
import type { Outcome } from './finding.ts';

/** What was asked before: how this server answers an ordinary request. */
export interface Baseline {
  /** Status of its front page. */
  readonly front: number;
  /** Status of a page that it does not have; null where that took too long. */
  readonly missing: number | null;
}

export interface Answer {
  readonly bytes: Buffer;
  /** Null: it neither closed nor reset in time. */
  readonly ended: 'closed' | 'reset' | null;
}

export interface Proof {
  /** The canary was asked this very ask. */
  readonly hit: CanaryHit | null;
  /** The canary was reached by the server, in a protocol that cannot tell the ask. */
  readonly silentHit: CanaryHit | null;
  /** The canary's answer came back. */
  readonly cameBack: boolean;
}

/** The status of the last response; null where there is none. */
export function statusOf(bytes: Buffer): number | null {
  const found = [...bytes.toString('latin1').matchAll(/(?:^|\n)HTTP\/\d(?:\.\d)? (\d{3})/g)].at(-1);
  return found === undefined ? null : Number(found[1]);
}

/** Whether a response to GET has come to its end, where its head tells. */
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

/** Relaying proven by the canary; null where it is not. */
export function proven({ hit, silentHit, cameBack }: Proof, status: number | null): Outcome | null {
  const said = status === null ? '' : ` (status ${status})`;
  if (hit !== null) {
    const back = cameBack ? ', and its answer came back' : ', though its answer did not come back';
    return { result: 'relays', why: `the canary was asked by ${hit.from}${back}${said}` };
  }
  if (cameBack) return { result: 'relays', why: `what only the canary says came back${said}` };
  if (silentHit !== null) {
    const did = { TLS: 'and began TLS', HTTP: 'and asked for another page' }[silentHit.said] ?? 'and waited';
    return {
      result: 'relays',
      why: `${silentHit.from} connected to port ${silentHit.port} of the canary ${did}`,
    };
  }
  return null;
}

/** What an answer means where the canary was not reached. */
export function withoutProof({ bytes, ended }: Answer, baseline: Baseline | null, patience: number): Outcome {
  if (bytes.length === 0) {
    if (ended === 'closed') return { result: 'refuses', why: 'closed the connection without an answer' };
    if (ended === 'reset') return { result: 'refuses', why: 'reset the connection' };
    return { result: 'unclear', why: `no answer within ${patience / 1000} s` };
  }
  const status = statusOf(bytes);
  if (status === null) {
    // SOCKS and TLS servers answer in bytes that are no text; an HTTP/0.9 answer is the page alone.
    if (bytes[0]! < 0x20 || bytes[0]! > 0x7e) return { result: 'refuses', why: 'does not speak HTTP here' };
    return {
      result: 'answers-itself',
      why: `${plural(bytes.length, 'byte')} that ${bytes.length === 1 ? 'is' : 'are'} no HTTP/1 response`,
    };
  }
  if (status >= 300 && status < 400) {
    const where = /\nlocation:[ \t]*([^\r\n]{1,120})/i.exec(bytes.toString('latin1'))?.[1];
    return { result: 'answers-itself', why: `${status}${where === undefined ? '' : ` to ${where}`}` };
  }
  if (status < 300) {
    return { result: 'answers-itself', why: `${status} with a page of its own; the canary was not reached` };
  }
  if (status === 407) return { result: 'refuses', why: '407: a proxy that wants credentials' };
  if (isGatewayError(status)) {
    return { result: 'unclear', why: `${status}: ${gatewayError(status, baseline)}` };
  }
  if (status === baseline?.missing && status !== 403 && status !== 421 && status !== 400) {
    return { result: 'answers-itself', why: `${status}, as to any page that it does not have` };
  }
  return { result: 'refuses', why: `status ${status}` };
}

/**
 * What servers say that tried to reach somebody and failed; each is what some proxy says of a connection that was refused.
 * Whatever ordinary pages get, it is no refusal: where the server forwards by Host, ordinary pages get it as well.
 */
const isGatewayError = (status: number): boolean => status >= 500 && ![501, 505, 511].includes(status);

function gatewayError(status: number, baseline: Baseline | null): string {
  if (status === baseline?.front) {
    return 'its own front page gets the same, so it may forward to any host, or its backend is down: fix that, and try again';
  }
  return "it seems to have tried to reach what our name stands for, but the canary was not reached; can the server reach the canary's address?";
}
