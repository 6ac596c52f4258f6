/** Options of the plugins, read as the keys of the config that they are: what one means and refuses, the other does. */
import type { Config } from './config.ts';
import { ConfigError, type Fault, nearest } from './fault.ts';
import { parseConfig } from './load.ts';

/** Options of `app.register` itself. */
const ofFastify: ReadonlySet<string> = new Set(['prefix', 'logLevel', 'logSerializers']);

/** Faults that no schema tells: options that are unknown, and functions that are none. */
export function optionFaults(
  plugin: string,
  options: object,
  known: readonly string[],
  functions: readonly string[] = [],
): Fault[] {
  const faults: Fault[] = [];
  for (const [key, value] of Object.entries(options)) {
    if (ofFastify.has(key)) continue;
    if (functions.includes(key)) {
      if (value === undefined || typeof value === 'function') continue;
      faults.push(fault(key, 'is no function', 'pass a function, or leave it out'));
    } else if (!known.includes(key)) {
      const all = [...known, ...functions];
      const near = nearest(key, all);
      const mend = near === undefined ? `known are ${all.join(', ')}` : `write ${near} if that is meant`;
      faults.push(fault(key, `is no option of ${plugin}`, mend));
    }
  }
  return faults;
}

const fault = (path: string, message: string, mend: string): Fault => ({
  path,
  value: null,
  message,
  mend,
  line: null,
});

/**
 * A config with one site that listens nowhere.
 *
 * @param site the keys of the site
 * @param faults gets every fault, by the name that the option has without a config around it
 */
export function readOptions(site: object, rest: object, faults: Fault[]): Config | null {
  // Port 0 stands for none.
  const document = { ...rest, listen: ['127.0.0.1:0'], sites: [site] };
  try {
    return parseConfig(JSON.stringify(document), '.');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const one of error.faults)
      faults.push({
        ...one,
        path: one.path.replace(/^(?:sites\[0\]|bans|rateLimit|alerts|admin)\./, ''),
        line: null,
      });
    return null;
  }
}
