/** What proves that a server relays: a connection to the canary, or the answer that only the canary knows. */
import { specialRange } from '../address/special-ranges.ts';
import type { AuditContext } from './audit-context.ts';
import type { CanaryHit, Challenge } from './canary.ts';
import type { Outcome } from './finding.ts';

export interface Proof {
  /** A connection to the canary that named this challenge. */
  readonly hit: CanaryHit | null;
  /** A connection from the server in a protocol that cannot carry the challenge. */
  readonly anonymousHit: CanaryHit | null;
  /** The canary's answer came back. */
  readonly cameBack: boolean;
}

/** What counts as proof besides the challenge itself. */
export interface Since {
  /** The canary's connection count before the technique. */
  readonly count: number;
  /** Any connection counts: the technique makes the server speak a protocol that cannot carry the challenge. */
  readonly anyConnection: boolean;
}

/**
 * The evidence that a challenge was relayed.
 *
 * @param bytes everything received
 */
export function proofOf(context: AuditContext, challenge: Challenge, bytes: Buffer, since: Since): Proof {
  const { canary } = context;
  const anonymousHit =
    canary
      .anonymousSince(since.count)
      .find((hit) => fromServer(context, hit) && counts(context, hit, since)) ?? null;
  return { hit: canary.hit(challenge), anonymousHit, cameBack: bytes.includes(challenge.answer) };
}

/** The outcome if the canary proves relaying, else null. */
export function proven({ hit, anonymousHit, cameBack }: Proof, status: number | null): Outcome | null {
  const said = status === null ? '' : ` (status ${status})`;
  if (hit !== null) {
    const back = cameBack ? 'and its answer came back' : 'but its answer did not come back';
    return { result: 'relays', why: `the canary got the request from ${hit.from}, ${back}${said}` };
  }
  if (cameBack) return { result: 'relays', why: `the canary's answer came back${said}` };
  if (anonymousHit !== null) {
    const then =
      { TLS: 'and began TLS', HTTP: 'and asked for another page' }[anonymousHit.said] ?? 'and waited';
    return {
      result: 'relays',
      why: `${anonymousHit.from} connected to port ${anonymousHit.port} of the canary ${then}`,
    };
  }
  return null;
}

/** Strangers find a public canary too: a connection that names no challenge counts only if it comes from the server. */
function fromServer({ address, canary }: AuditContext, { from }: CanaryHit): boolean {
  if (from === address) return true;
  // Another address of the same machine.
  return canary.listensAt(address) && (specialRange(from) === 'loopback' || canary.listensAt(from));
}

/**
 * Counts a request that lost the challenge on its way (the server rewrote the path), or bytes at an extra port, which only the host
 * in our request can have led to. Not a silent connection: it may belong to a technique that runs at the same time. Not TLS at
 * the canary's own port: proxies retry a failed TLS handshake while the next technique is running.
 */
const counts = ({ canary }: AuditContext, { said, port }: CanaryHit, { anyConnection }: Since): boolean =>
  anyConnection || said === 'HTTP' || (port !== canary.port && said !== 'nothing');
