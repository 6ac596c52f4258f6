/** A fleet member without listeners. */
import { parsePrefix } from '../../src/address/ip.ts';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import type { Refusal } from '../../src/bans/admission.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { FleetClock } from '../../src/fleet/fleet-clock.ts';
import type { FleetHealth } from '../../src/fleet/fleet-options.ts';
import type { FleetStore } from '../../src/fleet/store.ts';
import { ValkeyStore } from '../../src/fleet/valkey-store.ts';
import { WindowClock } from '../../src/limit/window-clock.ts';
import type { Owner } from '../support/owner.ts';
import { probeOf } from '../support/probe-event.ts';
import { eventually } from '../support/redis.ts';

const minute = 60_000;

export interface Member {
  readonly ledger: BanLedger;
  readonly fleet: Fleet;
  readonly store: FleetStore;
  readonly states: FleetHealth['state'][];
  readonly refused: Refusal[];
  readonly errors: unknown[];
  /** Every correction of the clock. */
  readonly skews: number[];
  readonly repaired: string[];
  /** Sends this gateway a probe. */
  probe(client: string): void;
}

/** A connected member of the named fleet. Four probes ban; 192.0.2.99 is exempt. */
export async function member(
  owner: Owner,
  prefix: string,
  url: string,
  clock = new FleetClock(),
  windows = new WindowClock(),
): Promise<Member> {
  const threshold = { after: 4, within: minute };
  const exempt = new PrefixSet([parsePrefix('192.0.2.99')!]);
  const ledger = new BanLedger({ ...threshold, for: [minute], exempt, clock: clock.now });
  const store = new ValkeyStore({ url, prefix, remember: minute, onError: () => {} });
  const states: FleetHealth['state'][] = [];
  const refused: Refusal[] = [];
  const errors: unknown[] = [];
  const skews: number[] = [];
  const repaired: string[] = [];
  const fleet = new Fleet({
    store,
    ledger,
    threshold,
    clock,
    windows,
    remember: minute,
    describe: () => ({ name: 'a member', version: '0' }),
    interval: 10,
    onState: ({ state }) => states.push(state),
    onError: (error) => errors.push(error),
    onSkew: (skew) => skews.push(skew),
    onRepaired: (key) => repaired.push(key),
    onRefused: (refusal) => refused.push(refusal),
  });
  owner.after(() => fleet.close());
  await eventually(() => fleet.health.state === 'connected', 'the member is connected');
  return {
    ledger,
    fleet,
    store,
    states,
    refused,
    errors,
    skews,
    repaired,
    probe: (client) => {
      ledger.offend(client, 'connect');
      fleet.event(probeOf(client));
    },
  };
}
