/** Logs OCSP stapling in this process, and reports its problems. */
import type { Logger } from 'pino';
import { refusedHere } from '../listener/refused-dial.ts';
import { staples } from '../ocsp/staples.ts';

/** @param onTrouble gets problems for the alerts; reason null: resolved */
export function reportStapling(log: Logger, onTrouble: (name: string, reason: string | null) => void): void {
  staples.events = {
    onResponse: (name, until) =>
      log.info(
        { event: 'ocsp', host: name },
        `the OCSP response for the certificate of ${name} is stapled, valid until ${new Date(until).toISOString()}`,
      ),
    onFailure: (name, why) => log.warn({ event: 'ocsp', host: name }, `certificate of ${name}: ${why}`),
    onTrouble: (name, why) => {
      if (why !== null) log.error({ event: 'ocsp', host: name }, `certificate of ${name}: ${why}`);
      onTrouble(`${name} (OCSP)`, why);
    },
    hint: refusedHere,
  };
}
