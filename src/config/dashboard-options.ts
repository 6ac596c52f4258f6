/** The options of the `dashboard` plugin → a config with an admin listener and a journal. */
import type { Config } from './config.ts';
import { ConfigError } from './fault.ts';
import { optionFaults, readOptions } from './plugin-options.ts';

export interface DashboardSettings {
  /** The token for signing in, which programs send as `Authorization: Bearer TOKEN`: 16 characters or more. */
  readonly token: string;
  /** Address and port. Hazard: on an address other than loopback the token goes over the network, in the clear without `tls`. @default '127.0.0.1:9090' */
  readonly listen?: string;
  /** Absolute names of PEM files. @default none: plain HTTP */
  readonly tls?: { readonly cert: string; readonly key: string };
  /**
   * Where events are kept: the absolute name of an SQLite file, for how long, and its maximum size.
   *
   * @default in memory, until the process ends
   */
  readonly journal?: { readonly path: string; readonly keep?: string; readonly maxSize?: string };
}

const known = ['token', 'listen', 'tls', 'journal'] as const;

/**
 * @internal
 * @throws {ConfigError} with every fault
 */
export function compileDashboard(options: DashboardSettings): Config {
  const faults = optionFaults('dashboard', options, known);
  const { token, listen, tls, journal = false } = options;
  if (token === undefined)
    faults.push({
      path: 'token',
      value: null,
      message: 'is missing',
      fix: 'write 16 random characters or more, from a file or the environment',
      line: null,
    });
  const config = readOptions(
    { hosts: ['localhost'], backend: 'welcome' },
    { admin: { token, listen, tls }, journal, bans: false },
    faults,
  );
  if (config === null || faults.length > 0) throw new ConfigError(faults, 'dashboard');
  return config;
}
