/** What the log says of a fleet: each change once, with its cause. */
import type { Logger } from 'pino';
import type { FleetHealth, FleetOptions } from './fleet-options.ts';

type Told = Pick<FleetOptions, 'onState' | 'onError' | 'onRefused' | 'onSkew' | 'onRepaired'>;

export function fleetLog(log: Logger): Required<Told> {
  return {
    onState: (health) => logState(health, log),
    onError: (error) =>
      log.warn({ event: 'fleet', err: error }, `fleet: ${error instanceof Error ? error.message : error}`),
    onRefused: ({ prefix, why }) =>
      log.warn(
        { event: 'fleet', prefix: prefix.slice(0, 100), why },
        `fleet: a record of ${JSON.stringify(prefix.slice(0, 100))} is refused: it ${why}`,
      ),
    onSkew: (skew) => {
      const seconds = Math.abs(Math.round(skew / 1000));
      if (skew === 0) log.info({ event: 'fleet', skew }, "fleet: the clock agrees with Valkey's again");
      else
        log.warn(
          { event: 'fleet', skew },
          `fleet: this machine's clock is ${seconds} s ${skew > 0 ? 'behind' : 'ahead of'} Valkey's; ` +
            'bans and strikes go by the clock of Valkey. Set it right: NTP',
        );
    },
    onRepaired: (key) =>
      log.warn(
        { event: 'fleet', key: key.slice(0, 200) },
        `fleet: the key ${JSON.stringify(key.slice(0, 200))} was not what it should be, and was made anew: who else writes there?`,
      ),
  };
}

const refused = 'going on with the local state';

function logState(health: FleetHealth, log: Logger): void {
  const { state, why } = health;
  const fields = { event: 'fleet', ...health };
  switch (state) {
    case 'away':
      // A connection that is made again at once is no news; where it is not, the next attempt says why.
      if (why !== '') log.warn(fields, `fleet: Valkey is away: ${why}; ${refused}`);
      return;
    case 'refused':
      log.error(fields, `fleet: Valkey is there, but ${why}; ${refused}`);
      return;
    case 'full':
      log.error(fields, `fleet: Valkey is full: ${why}; ${refused}`);
      return;
    case 'joining':
      if (why !== '') log.warn(fields, `fleet: ${why}; states are brought together`);
      return;
    case 'connected':
      log.info(fields, 'fleet: connected; bans, rates and events are shared');
  }
}
