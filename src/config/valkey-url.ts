import { readValkeyAddress, type ValkeyAddress } from '../address/valkey-address.ts';
import { type Unreadable, unreadable } from './fault.ts';

/** Reads `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, `rediss://` for TLS, or the URL of a cluster or of Sentinels. */
export function parseValkeyUrl(text: string): ValkeyAddress | Unreadable {
  const address = readValkeyAddress(text);
  return typeof address === 'string'
    ? unreadable(
        address,
        'write redis://HOST:PORT, or rediss://USER:PASSWORD@HOST:PORT/DB for TLS and a user; ' +
          'redis+cluster://HOST:PORT,HOST:PORT; redis+sentinel://HOST:PORT,HOST:PORT/MASTER',
      )
    : address;
}
