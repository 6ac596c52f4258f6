/** Options of the plugins. They are read as the keys of the config with the same names, so they mean and refuse the same. */
import { resolve } from 'node:path';
import { checkDocument, valueAt } from './checked-document.ts';
import type { Config } from './config.ts';
import { toConfig } from './conversion.ts';
import { type Fault, nearest, pathText, shown } from './fault.ts';

/** Options of `app.register` itself. */
const ofFastify: ReadonlySet<string> = new Set(['prefix', 'logLevel', 'logSerializers']);

/** Faults that the schema does not cover: unknown options, and values that should be functions. */
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
      faults.push(fault(key, 'is not a function', 'pass a function, or remove the option'));
    } else if (!known.includes(key)) {
      const all = [...known, ...functions];
      const near = nearest(key, all);
      const fix = near === undefined ? `known are ${all.join(', ')}` : `write ${near} if that is meant`;
      faults.push(fault(key, `is not an option of ${plugin}`, fix));
    }
  }
  return faults;
}

const fault = (path: string, message: string, fix: string): Fault => ({
  path,
  value: null,
  message,
  fix,
  line: null,
});

/**
 * A config with one site and no listener.
 *
 * @param site the keys of the site
 * @param faults gets every fault, under the name that the option has in the plugin
 */
export function readOptions(site: object, rest: object, faults: Fault[]): Config | null {
  // Port 0 is in no list of served ports, so it stands for no listener.
  const written = { ...rest, listen: ['127.0.0.1:0'], sites: [site] };
  const file = (name: string): string => resolve(name);
  const { document, findings } = checkDocument(written, file);
  for (const { path, message, fix, ofKey } of findings)
    faults.push({
      path: pathText(path).replace(/^(?:sites\[0\]|bans|rateLimit|alerts|admin)\./, ''),
      value: ofKey ? null : shown(path, valueAt(written, path)),
      message,
      fix,
      line: null,
    });
  return document === null ? null : toConfig(document, file, null);
}
