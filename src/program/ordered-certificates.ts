/** Orders certificates by ACME. There is one per gateway, even with several worker processes. */
import type { Logger } from 'pino';
import type { SharedNotes } from '../acme/fleet-certificates.ts';
import type { AcmeOptions } from '../acme/options.ts';
import type { RenewalEvents, Renewals } from '../acme/renewals.ts';
import type { Config } from '../config/config.ts';
import { refusedHere } from '../listener/refused-dial.ts';

export interface OrderedCertificates {
  /** Null: the config orders no certificates. */
  readonly renewals: Renewals | null;
  /** Applies another config. Never throws. */
  reload(config: Config): Promise<void>;
  /** Abandons an order in progress. */
  close(): Promise<void>;
}

export interface OrdersOptions {
  readonly log: Logger;
  /** Called when an order fails, and when a certificate is about to expire. @param reason null: resolved */
  readonly onTrouble: (host: string, reason: string | null) => void;
  /** The fleet's shared notes; null: no fleet is configured. */
  readonly notes: () => SharedNotes | null;
}

/**
 * Starts ordering. Listeners read the certificate files, so nothing waits for an order.
 *
 * @throws Error if the folder can't be written
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
        // The gateway joined or left a fleet, which changes which gateway orders.
        if (next.acme?.secret !== running?.secret) await stop();
        if (running === null) await start(next);
        else running.renewals.replace(next.acme!);
      } catch (error) {
        log.error(
          { event: 'acme', err: error },
          'the new config could not be applied to ordering certificates',
        );
      }
    },
    close: stop,
  };
}

/** Loads the ordering code only if it is configured. */
async function renewalsOf(acme: AcmeOptions, { log, onTrouble, notes }: OrdersOptions): Promise<Renewals> {
  const { Renewals } = await import('../acme/renewals.ts');
  const { FleetCertificates } = await import('../acme/fleet-certificates.ts');
  const logCertificate = (host: string, until: Date, how: string): void =>
    log.info(
      { event: 'acme', host },
      `a certificate for ${host} was ${how}, valid until ${until.toISOString()}`,
    );
  const events: RenewalEvents = {
    onCertificate: (host, until) => logCertificate(host, until, 'issued'),
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
        onCertificate: (host, until) => logCertificate(host, until, 'received from the gateway that orders'),
        onError: (error) => log.error({ event: 'acme', err: error }, 'certificates are not shared'),
      }),
  });
}
