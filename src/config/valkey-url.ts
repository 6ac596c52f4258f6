import { type Unreadable, unreadable } from './fault.ts';

/** Reads `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, or `rediss://` for TLS. */
export function parseValkeyUrl(text: string): URL | Unreadable {
  const mend = 'write redis://HOST:PORT, or rediss://USER:PASSWORD@HOST:PORT/DB for TLS and a user';
  const url = URL.parse(text);
  if (url === null || url.hostname === '') return unreadable('is no URL of a Valkey or Redis server', mend);
  if (!['redis:', 'rediss:'].includes(url.protocol))
    return unreadable(`has the scheme ${url.protocol}`, mend);
  if (!/^\/?\d{0,5}$/.test(url.pathname) || url.search !== '' || url.hash !== '')
    return unreadable('has something else than the number of a database behind the host', mend);
  return url;
}
