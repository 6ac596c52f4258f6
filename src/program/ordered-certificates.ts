/** Certificates that are ordered, once a gateway, however many processes serve them. */
import type { Logger } from 'pino';
import type { Renewals } from '../acme/renewals.ts';
import type { Config } from '../config/config.ts';

export interface OrderedCertificates {
  /** Null: the config orders none. */
  readonly renewals: Renewals | null;
  /** Puts another config in force. Never throws. */
  reload(config: Config): Promise<void>;
  /** An order under way is given up. */
  close(): Promise<void>;
}

/**
 * Begins to order. What serves reads the files, so nothing waits for it.
 *
 * @param onTrouble told of orders that fail and of certificates about to end; null: in order again
 * @throws Error where the folder can't be written
 */
export async function startOrders(
  config: Config,
  log: Logger,
  onTrouble: (host: string, reason: string | null) => void,
): Promise<OrderedCertificates> {
  let renewals: Renewals | null = null;
  const start = async ({ acme }: Config): Promise<void> => {
    if (acme === null) return;
    // Only where it is configured: an order needs what nothing else does.
    const { Renewals } = await import('../acme/renewals.ts');
    const made = new Renewals(acme, {
      onCertificate: (host, until) =>
        log.info(
          { event: 'acme', host },
          `a certificate for ${host} was issued, until ${until.toISOString()}`,
        ),
      onTrouble: (host, reason) => {
        if (reason !== null) log.error({ event: 'acme', host }, `certificate of ${host}: ${reason}`);
        onTrouble(host, reason);
      },
      onError: (error) => log.error({ event: 'acme', err: error }, 'certificates could not be ordered'),
    });
    try {
      made.start();
    } catch (error) {
      throw new Error(
        `acme.folder: ${acme.folder} can't be written: ${(error as Error).message}; make it for the user that runs the program, or name another folder`,
        { cause: error },
      );
    }
    renewals = made;
  };
  await start(config);
  return {
    get renewals() {
      return renewals;
    },
    reload: async (next) => {
      try {
        if (next.acme === null) {
          await renewals?.close();
          renewals = null;
        } else if (renewals === null) await start(next);
        else renewals.replace(next.acme);
      } catch (error) {
        log.error({ event: 'acme', err: error }, 'certificates are not ordered by the new config');
      }
    },
    close: async () => renewals?.close(),
  };
}
