import { specialRange } from '../address/special-ranges.ts';
import type { Proof } from './answer.ts';
import type { Ask, CanaryHit } from './canary.ts';
import type { Ground } from './ground.ts';

/** What counts beside the ask itself. */
export interface Since {
  /** The canary's connection count before the technique. */
  readonly count: number;
  /** Any connection counts: the technique makes the server speak what cannot carry the ask. */
  readonly silent: boolean;
}

/**
 * What proves that an ask was relayed.
 *
 * @param bytes everything that came back
 */
export function proofOf(ground: Ground, ask: Ask, bytes: Buffer, since: Since): Proof {
  const { canary } = ground;
  const silentHit =
    canary.silentSince(since.count).find((hit) => fromServer(ground, hit) && tells(ground, hit, since)) ??
    null;
  return { hit: canary.hit(ask), silentHit, cameBack: bytes.includes(ask.answer) };
}

/** A public canary is found by strangers too: a connection that names no ask counts from the server alone. */
function fromServer({ address, canary }: Ground, { from }: CanaryHit): boolean {
  if (from === address) return true;
  // Another address of the same machine.
  return canary.hears(address) && (specialRange(from) === 'loopback' || canary.hears(from));
}

/**
 * A request that has lost the ask on its way (a path of the server's own), or TLS at a port that only our name can have led to.
 * Not a connection that has not said anything yet: it may be that of a technique beside this one. Not TLS at the canary's own
 * port: proxies try again after a TLS that failed, when the next technique runs already.
 */
const tells = ({ canary }: Ground, { said, port }: CanaryHit, { silent }: Since): boolean =>
  silent || said === 'HTTP' || (port !== canary.port && said !== 'nothing');
