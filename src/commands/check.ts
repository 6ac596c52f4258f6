import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { warningsOf } from '../config/warnings.ts';
import { commandWords } from '../words/commands.ts';
import type { CommandWords } from '../words/commands-en.ts';
import { environmentLanguage } from '../words/language.ts';
import { faultLines } from './fault-lines.ts';
import type { CheckOptions, Command } from './options.ts';

/** `sekisho check`: every fault in a config, with its line, value and fix. Warnings go to stderr and do not fail the check. */
export const run: Command<CheckOptions> = async ({ config: file, json = false }) => {
  const { check: words } = commandWords[environmentLanguage(process.env)];
  const people = json ? process.stderr : process.stdout;
  try {
    const config = loadConfig(file);
    people.write(`${words.fine(file, summary(config, words))}\n`);
    for (const warning of warningsOf(config)) process.stderr.write(`warning: ${warning}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) {
      // `mend` is the older name of `fix`: scripts may read either.
      if (json) process.stdout.write(`${JSON.stringify({ file, ...fault, mend: fault.fix })}\n`);
      else people.write(`${faultLines(file, fault)}\n`);
    }
    people.write(`${words.faults(file, error.faults.length)}\n`);
    return 1;
  }
};

function summary(
  { listen, sites, policy, admin, decoys, smtp }: Config,
  words: CommandWords['check'],
): string {
  const hosts = sites.reduce((sum, site) => sum + site.hosts.length, 0);
  return [
    ...(sites.length === 0
      ? []
      : [words.listeners(listen.length), words.sites(sites.length), words.hosts(hosts)]),
    words.policy(policy.preset),
    ...(smtp === false ? [] : [words.mail(smtp.listen.map(({ address }) => address))]),
    ...(decoys.length === 0 ? [] : [words.decoys(decoys.length)]),
    admin ? words.admin(admin.listen.text) : words.noAdmin,
  ].join(words.separator);
}
