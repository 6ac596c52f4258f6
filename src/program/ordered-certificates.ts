/** Certificates that are ordered, once a gateway, however many processes serve them. */
import type { Logger } from 'pino';
import type { SharedNotes } from '../acme/fleet-certificates.ts';
import type { AcmeOptions } from '../acme/options.ts';
import type { RenewalEvents, Renewals } from '../acme/renewals.ts';
import type { Config } from '../config/config.ts';
import { refusedHere } from '../listener/refused-dial.ts';

export interface OrderedCertificates {
  /** Null: the config orders none. */
  readonly renewals: Renewals | null;
  /** Puts another config in force. Never throws. */
  reload(config: Config): Promise<void>;
  /** An order under way is given up. */
  close(): Promise<void>;
}

export interface OrdersOptions {
  readonly log: Logger;
  /** Told of orders that fail and of certificates about to end. @param reason null: in order again */
  readonly onTrouble: (host: string, reason: string | null) => void;
  /** What the fleet shares; null: this gateway stands alone. */
  readonly notes: () => SharedNotes | null;
}

/**
 * Begins to order. What serves reads the files, so nothing waits for it.
 *
 * @throws Error where the folder can't be written
 */
export async function startOrders(config: Config, options: OrdersOptions): Promise<OrderedCertificates> {
  const { log } = options;
  let running: { readonly renewals: Renewals; readonly secret: string | null } | null = null;
  const start = async ({ acme }: Config): Promise<void> => {
    if (acme === null) return;
    const renewals = await renewalsOf(acme, options);
    try {
      void renewals.start();
    } catch (error) {
      throw new Error(
        `acme.folder: ${acme.folder} can't be written: ${(error as Error).message}; make it for the user that runs the program, or name another folder`,
        { cause: error },
      );
    }
    running = { renewals, secret: acme.secret };
  };
  const stop = async (): Promise<void> => {
    const before = running?.renewals;
    running = null;
    await before?.close();
  };
  await start(config);
  return {
    get renewals() {
      return running?.renewals ?? null;
    },
    reload: async (next) => {
      try {
        // Alone from now on, or no more: who orders is another question then.
        if (next.acme?.secret !== running?.secret) await stop();
        if (running === null) await start(next);
        else running.renewals.replace(next.acme!);
      } catch (error) {
        log.error({ event: 'acme', err: error }, 'certificates are not ordered by the new config');
      }
    },
    close: stop,
  };
}

/** Read only where it is configured: an order needs what nothing else does. */
async function renewalsOf(acme: AcmeOptions, { log, onTrouble, notes }: OrdersOptions): Promise<Renewals> {
  const { Renewals } = await import('../acme/renewals.ts');
  const { FleetCertificates } = await import('../acme/fleet-certificates.ts');
  const told = (host: string, until: Date, how: string): void =>
    log.info({ event: 'acme', host }, `a certificate for ${host} was ${how}, until ${until.toISOString()}`);
  const events: RenewalEvents = {
    onCertificate: (host, until) => told(host, until, 'issued'),
    onTrouble: (host, reason) => {
      if (reason !== null) log.error({ event: 'acme', host }, `certificate of ${host}: ${reason}`);
      onTrouble(host, reason);
    },
    onError: (error) => log.error({ event: 'acme', err: error }, 'certificates could not be ordered'),
  };
  const { secret } = acme;
  if (secret === null) return new Renewals({ acme, events, hint: refusedHere });
  return new Renewals({
    acme,
    events,
    hint: refusedHere,
    sharing: (store) =>
      new FleetCertificates({
        store,
        notes,
        secret,
        onCertificate: (host, until) => told(host, until, 'taken over from the gateway that orders'),
        onError: (error) => log.error({ event: 'acme', err: error }, 'certificates are not shared'),
      }),
  });
}
