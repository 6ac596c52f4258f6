import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { warningsOf } from '../config/warnings.ts';
import { plural } from '../plural.ts';
import { faultLines } from './fault-lines.ts';
import type { CheckOptions, Command } from './options.ts';

/** `sekisho check`: every fault of a config, with its place, its value and the mend. Warnings go to stderr, and are no faults. */
export const run: Command<CheckOptions> = async ({ config: file, json = false }) => {
  const people = json ? process.stderr : process.stdout;
  try {
    const config = loadConfig(file);
    people.write(`${file} is fine: ${summary(config)}\n`);
    for (const warning of warningsOf(config)) process.stderr.write(`warning: ${warning}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) {
      if (json) process.stdout.write(`${JSON.stringify({ file, ...fault })}\n`);
      else people.write(`${faultLines(file, fault)}\n`);
    }
    people.write(`${file} has ${plural(error.faults.length, 'fault')}\n`);
    return 1;
  }
};

function summary({ listen, sites, policy, admin, decoys, smtp }: Config): string {
  const hosts = sites.reduce((sum, site) => sum + site.hosts.length, 0);
  return [
    ...(sites.length === 0
      ? []
      : [plural(listen.length, 'listener'), plural(sites.length, 'site'), plural(hosts, 'host')]),
    `policy ${policy.preset}`,
    ...(smtp === false ? [] : [`mail guard on ${smtp.listen.map(({ address }) => address).join(' and ')}`]),
    ...(decoys.length === 0 ? [] : [plural(decoys.length, 'decoy')]),
    admin ? `admin on ${admin.listen.text}` : 'no admin listener',
  ].join(', ');
}
