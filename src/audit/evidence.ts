import type { Proof } from './answer.ts';
import type { Ask } from './canary.ts';
import type { Ground } from './ground.ts';

/**
 * What proves that an ask was relayed.
 *
 * @param bytes everything that came back
 * @param since the canary's connection count before the technique, where a connection that does not tell its ask is
 * proof; null where it is not
 */
export function proofOf(ground: Ground, ask: Ask, bytes: Buffer, since: number | null): Proof {
  const { canary, address } = ground;
  // A public canary is found by strangers too: a connection that says nothing counts from the server's own address only.
  const silentHit =
    since === null ? null : (canary.silentSince(since).find(({ from }) => from === address) ?? null);
  return { hit: canary.hit(ask), silentHit, cameBack: bytes.includes(ask.answer) };
}
