/** Matches for the ports in Host lines that name us: served ports and refused ones. */
import type { SiteConfig } from '../config/config.ts';
import { blockedPorts, isNear } from '../rules/host-port.ts';
import type { Site } from '../rules/policy.ts';
import type { Match, TextMatch } from './check.ts';
import { hostRegex } from './host-regex.ts';
import { hostLineNames } from './site-hosts.ts';

/** 1 to 1023, and the higher ports that browsers block. */
const refusedPort = `0*(?:[1-9][0-9]{0,2}|10[01][0-9]|102[0-3]|${blockedPorts.filter((port) => port > 1023).join('|')})`;

/** A refused port: all of `when` and none of `unless`. */
export interface RefusedPort {
  readonly when: readonly TextMatch[];
  readonly unless: readonly Match[];
}

/** @param ports the served ports */
export function refusedHostPorts(
  sites: ReadonlyMap<Site, SiteConfig>,
  ports: ReadonlySet<number>,
): RefusedPort[] {
  const passing: string[] = [];
  const atServed: string[] = [];
  const atOrdinary: string[] = [];
  for (const [{ anyPort, rules }, { hosts }] of sites) {
    const { action, doubtful = action } = rules['host-port'];
    for (const host of hosts) {
      const regex = hostRegex(host);
      if (anyPort || action !== 'block') passing.push(regex);
      else if (doubtful === 'block' || isNear(host)) atServed.push(`^${regex}:[0-9]+$`);
      else atOrdinary.push(`^${regex}:${refusedPort}$`);
    }
  }
  const unless: TextMatch[] = [{ of: ['host'], any: [`:0*(?:${[...ports].join('|')})$`] }];
  if (passing.length > 0) unless.push(hostLineNames(passing));
  return [atServed, atOrdinary]
    .filter((any) => any.length > 0)
    .map((any) => ({ when: [{ of: ['host'], any }], unless }));
}
