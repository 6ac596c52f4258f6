/** Logs each change of the fleet's state once, with its cause. */
import type { Logger } from 'pino';
import type { FleetHealth, FleetOptions } from './fleet-options.ts';

type Callbacks = Pick<FleetOptions, 'onState' | 'onError' | 'onRefused' | 'onSkew' | 'onRepaired'>;

export function fleetLog(log: Logger): Required<Callbacks> {
  return {
    onState: (health) => logState(health, log),
    onError: (error) =>
      log.warn({ event: 'fleet', err: error }, `fleet: ${error instanceof Error ? error.message : error}`),
    onRefused: ({ prefix, why }) =>
      log.warn(
        { event: 'fleet', prefix: prefix.slice(0, 100), why },
        `fleet: the ban record of ${JSON.stringify(prefix.slice(0, 100))} is refused: it ${why}`,
      ),
    onSkew: (skew) => {
      const seconds = Math.abs(Math.round(skew / 1000));
      if (skew === 0) log.info({ event: 'fleet', skew }, "fleet: the clock agrees with Valkey's again");
      else
        log.warn(
          { event: 'fleet', skew },
          `fleet: this machine's clock is ${seconds} s ${skew > 0 ? 'behind' : 'ahead of'} Valkey's; ` +
            "bans and strikes use Valkey's clock. Synchronise this machine's clock (NTP)",
        );
    },
    onRepaired: (key) =>
      log.warn(
        { event: 'fleet', key: key.slice(0, 200) },
        `fleet: the key ${JSON.stringify(key.slice(0, 200))} had the wrong type and was recreated: does another program write to this Valkey?`,
      ),
  };
}

const consequence = 'continuing with the local state';

function logState(health: FleetHealth, log: Logger): void {
  const { state, why } = health;
  const fields = { event: 'fleet', ...health };
  switch (state) {
    case 'away':
      // An immediate reconnect is not worth a line; if it fails, that attempt gives the cause.
      if (why !== '') log.warn(fields, `fleet: Valkey is unreachable: ${why}; ${consequence}`);
      return;
    case 'refused':
      log.error(fields, `fleet: Valkey refuses this gateway: ${why}; ${consequence}`);
      return;
    case 'full':
      log.error(fields, `fleet: Valkey is full: ${why}; ${consequence}`);
      return;
    case 'joining':
      if (why !== '') log.warn(fields, `fleet: ${why}; reconciling`);
      return;
    case 'connected':
      log.info(fields, 'fleet: connected; bans, rates and events are shared');
  }
}
