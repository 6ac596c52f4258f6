/** The options of the `rateLimit` plugin → the settings of a rate limiter. */
import { PrefixSet } from '../address/prefix-set.ts';
import type { RateLimitRules } from '../limit/rate-limits.ts';
import { ConfigError } from './fault.ts';
import { optionFaults, readOptions } from './plugin-options.ts';

export interface RateLimitSettings {
  /** Requests that one client (an IPv4 address, an IPv6 /64) may make in the window; more get 429. @default 1000 */
  readonly max?: number;
  /** Length of the window: a number and `ms`, `s`, `m`, `h` or `d`. @default '1m' */
  readonly timeWindow?: string;
  /** Addresses or prefixes (CIDR) that are not limited, in addition to `allow` of `relayGuard`. @default [] */
  readonly allow?: readonly string[];
}

const known = ['max', 'timeWindow', 'allow'] as const;

/**
 * @internal
 * @throws {ConfigError} with every fault
 */
export function compileRateLimit(options: RateLimitSettings): RateLimitRules {
  const faults = optionFaults('rateLimit', options, known);
  const { max, timeWindow, allow } = options;
  const config = readOptions(
    { hosts: ['localhost'], backend: 'welcome' },
    { rateLimit: { max, timeWindow, allow } },
    faults,
  );
  if (config === null || config.rateLimit === false || faults.length > 0)
    throw new ConfigError(faults, 'rateLimit');
  const { allow: exempt, ...limit } = config.rateLimit;
  return { limit, exempt: PrefixSet.ofClients(exempt) };
}
