/** Matches for the hosts of sites: by an absolute-form request-target, else by the Host line. */
import type { TextMatch } from './check.ts';
import { portRegex } from './host-regex.ts';

/** The start of a request line with an absolute-form target, up to the authority. */
export const absolute = '^[^ ]+ +https?://';

/** The character after an authority in a request line. */
export const authorityEnd = '[/? ]';

/** Requests with an absolute-form target that names one of the hosts, at any port. */
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
