/** Which of several backends gets the next request. */

export interface Candidate {
  /** Share of the requests, beside the others'. */
  readonly weight: number;
  /** Exchanges under way or waiting. */
  readonly load: number;
}

export type BalancePolicy = 'round-robin' | 'weighted' | 'least-connections';

/** Picks one of the candidates, which are never none; called once a request. */
export type Balance<T extends Candidate> = (candidates: readonly T[]) => T;

/** A fresh policy: each site has its own turn. */
export function balance<T extends Candidate>(policy: BalancePolicy): Balance<T> {
  switch (policy) {
    case 'round-robin':
      return roundRobin();
    case 'weighted':
      return weighted();
    case 'least-connections':
      return leastConnections;
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

/** The least load for its weight; of equals the first, so that an idle pair does not flap. */
function leastConnections<T extends Candidate>(candidates: readonly T[]): T {
  return candidates.reduce((best, one) => (one.load / one.weight < best.load / best.weight ? one : best));
}
