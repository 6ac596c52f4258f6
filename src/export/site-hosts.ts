/** The hosts of sites as matches: by the request-target where it is in absolute form, else by the Host line. */
import type { TextMatch } from './check.ts';
import { portRegex } from './host-regex.ts';

/** The start of a request line whose target is in absolute form, up to the authority. */
export const absolute = '^[^ ]+ +https?://';

/** What may follow an authority in a request line. */
export const authorityEnd = '[/? ]';

/** Requests whose target is in absolute form and names one of the hosts, at any port. */
export const absoluteTo = (hosts: readonly string[]): TextMatch => ({
  of: ['line'],
  any: hosts.map((host) => `${absolute}${host}${portRegex}${authorityEnd}`),
});

/** Requests whose Host line names one of the hosts, at any port. */
export const hostLineNames = (hosts: readonly string[]): TextMatch => ({
  of: ['host'],
  any: hosts.map((host) => `^${host}${portRegex}$`),
});

/** Requests for one of the hosts. */
export const requestFor = (hosts: readonly string[]): TextMatch => ({
  of: ['host', 'line'],
  any: hosts.flatMap((host) => [
    `^${host}${portRegex}[|][^ ]+ +[/*]`,
    `^[^|]*[|][^ ]+ +https?://${host}${portRegex}${authorityEnd}`,
  ]),
});
