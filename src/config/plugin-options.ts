/** Options of the plugins, read as the keys of the config that they are: what one means and refuses, the other does. */
import { resolve } from 'node:path';
import { type Config, toConfig } from './config.ts';
import { type Fault, nearest, pathText, shown } from './fault.ts';
import { findingsOf, valueAt } from './findings.ts';
import type { ConfigDocument } from './schema.ts';

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
      const fix = near === undefined ? `known are ${all.join(', ')}` : `write ${near} if that is meant`;
      faults.push(fault(key, `is no option of ${plugin}`, fix));
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
 * A config with one site that listens nowhere.
 *
 * @param site the keys of the site
 * @param faults gets every fault, by the name that the option has without a config around it
 */
export function readOptions(site: object, rest: object, faults: Fault[]): Config | null {
  // Port 0 stands for none. As data alone, and a copy: defaults are filled in.
  const written = JSON.parse(JSON.stringify({ ...rest, listen: ['127.0.0.1:0'], sites: [site] })) as unknown;
  const document = structuredClone(written);
  const file = (name: string): string => resolve(name);
  const findings = findingsOf(document, written, file);
  for (const { path, message, fix, ofKey } of findings)
    faults.push({
      path: pathText(path).replace(/^(?:sites\[0\]|bans|rateLimit|alerts|admin)\./, ''),
      value: ofKey ? null : shown(path, valueAt(written, path)),
      message,
      fix,
      line: null,
    });
  return findings.length > 0 ? null : toConfig(document as ConfigDocument, file, null);
}
