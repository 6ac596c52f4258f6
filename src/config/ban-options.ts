/** The options of the `bans` plugin → the settings of a ban ledger. */
import type { Ban } from '../bans/ban.ts';
import type { BansConfig } from './config.ts';
import { ConfigError } from './fault.ts';
import { optionFaults, readOptions } from './plugin-options.ts';

export interface BansSettings {
  /** Blocked probes by one client (an IPv4 address, an IPv6 /64) until it is banned. @default 5 */
  readonly after?: number;
  /** The window in which they are counted: `'10m'`, or a number of milliseconds. @default '10m' */
  readonly within?: string | number;
  /** How long the first, second, third … ban lasts, written as `within`; the last one repeats. @default ['10m', '1h', '1d'] */
  readonly for?: readonly (string | number)[];
  /** Addresses or prefixes (CIDR) that are never banned, whatever they send. @default [] */
  readonly allow?: readonly string[];
  /** Bits of an IPv6 address that identify one client, 48 to 64: the prefix that a provider gives to a customer. @default 64 */
  readonly prefix6?: number;
  /** Absolute names of files with prefixes that are always banned. @default [] */
  readonly lists?: readonly string[];
  /** SQLite file that keeps bans across restarts. @default none */
  readonly journal?: string;
  /** Called with each new ban. */
  readonly onBan?: (ban: Ban) => void;
}

const known = ['after', 'within', 'for', 'allow', 'prefix6', 'lists', 'journal'] as const;

/**
 * @internal
 * @throws {ConfigError} with every fault
 */
export function compileBans(options: BansSettings): BansConfig {
  const faults = optionFaults('bans', options, known, ['onBan']);
  const { after, within, for: terms, allow, prefix6, lists, journal } = options;
  if (journal !== undefined && (typeof journal !== 'string' || journal === ''))
    faults.push({
      path: 'journal',
      value: null,
      message: 'is not a file name',
      fix: 'write the name of a file, or remove the option',
      line: null,
    });
  const bans = {
    after,
    within: inWords(within),
    for: Array.isArray(terms) ? terms.map(inWords) : terms,
    allow,
    prefix6,
    lists,
  };
  const config = readOptions({ hosts: ['localhost'], backend: 'welcome' }, { bans }, faults);
  if (config === null || config.bans === false || faults.length > 0) throw new ConfigError(faults, 'bans');
  return config.bans;
}

/** A whole number of milliseconds as the config writes it; any other value stays, and is a fault. */
const inWords = (time: unknown): unknown => (Number.isSafeInteger(time) ? `${time}ms` : time);
