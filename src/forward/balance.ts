/** Which of several backends gets the next request. */
import { createHash } from 'node:crypto';
import { clientPrefix } from '../address/ip.ts';

export interface Candidate {
  /** Stable over restarts and equal in every process. */
  readonly name: string;
  /** Share of the requests, relative to the other weights. */
  readonly weight: number;
  /** Exchanges under way or queued. */
  readonly load: number;
}

export type BalancePolicy = 'round-robin' | 'weighted' | 'least-connections' | 'client-hash' | 'cookie';

/**
 * Picks a candidate; called once per request.
 *
 * @param candidates at least one
 * @param client its address
 */
export type Balance<T extends Candidate> = (candidates: readonly T[], client: string) => T;

/** A policy with its own state, one for each site. */
export function balance<T extends Candidate>(policy: BalancePolicy): Balance<T> {
  switch (policy) {
    case 'round-robin':
      return roundRobin();
    case 'weighted':
    case 'cookie':
      // For clients without a cookie.
      return weighted();
    case 'least-connections':
      return leastConnections;
    case 'client-hash':
      return clientHash;
  }
}

function roundRobin<T extends Candidate>(): Balance<T> {
  let turn = 0;
  return (candidates) => {
    turn = (turn + 1) % candidates.length;
    return candidates[turn]!;
  };
}

/** Smooth weighted round robin as nginx does it: 5, 1, 1 gives a a b a c a a, not five in a row. */
function weighted<T extends Candidate>(): Balance<T> {
  const credit = new WeakMap<T, number>();
  return (candidates) => {
    let best = candidates[0]!;
    let total = 0;
    for (const candidate of candidates) {
      total += candidate.weight;
      credit.set(candidate, (credit.get(candidate) ?? 0) + candidate.weight);
      if (credit.get(candidate)! > credit.get(best)!) best = candidate;
    }
    credit.set(best, credit.get(best)! - total);
    return best;
  };
}

/** The lowest load relative to its weight; the first of equals, so that an idle pair does not flap. */
function leastConnections<T extends Candidate>(candidates: readonly T[]): T {
  return candidates.reduce((best, one) => (one.load / one.weight < best.load / best.weight ? one : best));
}

/**
 * Weighted rendezvous hashing: each backend draws a number for the client, and the highest score wins. When a backend leaves, only
 * its own clients move; when it returns, they return. It keeps no state, so every worker and every gateway of a fleet picks the
 * same. The hash is cryptographic: clients that choose their addresses can't aim at a backend without knowing its name.
 */
function clientHash<T extends Candidate>(candidates: readonly T[], client: string): T {
  const prefix = clientPrefix(client) ?? client;
  let best = candidates[0]!;
  let bestScore = -1;
  for (const candidate of candidates) {
    const score = candidate.weight / -Math.log(draw(`${candidate.name} ${prefix}`));
    if (score > bestScore) [best, bestScore] = [candidate, score];
  }
  return best;
}

/** Uniform, above 0 and below 1. */
const draw = (text: string): number =>
  (createHash('sha256').update(text).digest().readUIntBE(0, 6) + 0.5) / 2 ** 48;
