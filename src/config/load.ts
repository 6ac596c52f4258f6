import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { decoyOptions } from '../decoys/options.ts';
import { smtpOptions } from '../smtp/options.ts';
import { checkDocument, valueAt } from './checked-document.ts';
import type { Config } from './config.ts';
import { readConfigText } from './config-text.ts';
import { toConfig } from './conversion.ts';
import { ConfigError, type Fault, pathText, shown } from './fault.ts';
import { mailFindings } from './mail-checks.ts';
import { applyOverlay, type Overlay } from './overlay.ts';
import type { Finding } from './schema-faults.ts';

export interface LoadOptions {
  /** Settings of the command line, which replace those of the file. */
  readonly overlay?: Overlay;
  /** The name of the text in faults. @default 'command line' */
  readonly name?: string;
}

/**
 * Reads, checks and freezes a config file.
 *
 * @param file its name; undefined: no file, everything comes from the overlay and the defaults
 * @throws {ConfigError} with every fault of the file, the missing file included
 */
export function loadConfig(file: string | undefined, options: LoadOptions = {}): Config {
  if (file === undefined) return parseConfig('{}', '.', options);
  let text: string;
  try {
    // Bytes that are not UTF-8 must not slip in as replacement characters.
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    throw new ConfigError([{ path: '', value: null, ...unreadableFile(error), line: null }], file);
  }
  return parseConfig(text, dirname(file), { name: file, ...options });
}

function unreadableFile(error: unknown): Pick<Fault, 'message' | 'fix'> {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return {
        message: 'is missing: there is no such file',
        fix: 'write it, or name another with --config',
      };
    case 'EISDIR':
      return { message: 'is a folder', fix: 'name the file in it' };
    case 'EACCES':
      return {
        message: "can't be read by this user",
        fix: 'give read permission to the user that runs the program',
      };
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return { message: 'is not UTF-8', fix: 'save it as UTF-8' };
    default:
      return { message: `can't be read: ${(error as Error).message}`, fix: 'name a file that can be read' };
  }
}

/** How to give a flag that is missing. */
const given: Readonly<Record<string, string>> = {
  '--host': 'give --host NAME',
  '--backend': 'give --backend URL',
};

/**
 * Text → document → config: reads, checks and freezes the text of a config.
 *
 * @param directory where relative file names in it start
 * @throws {ConfigError} with every fault
 */
export function parseConfig(
  text: string,
  directory: string,
  { overlay = {}, name = 'command line' }: LoadOptions = {},
): Config {
  const source = readConfigText(text);
  if (source.value === undefined) throw new ConfigError(source.faults, name);
  const file = (name: string): string => resolve(directory, name);
  const { document: written, flags } = applyOverlay(source.value, overlay);
  const { document, findings } = checkDocument(written, file, (one) => mailFindings(one, file));
  // No config was written: everything comes from flags.
  const isEmpty = name === 'command line' && Object.keys(source.value as object).length === 0;
  const faults = [...source.faults, ...findings.map(placed)];
  if (document === null || faults.length > 0)
    throw new ConfigError(
      faults.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)),
      name,
    );
  return toConfig(document, file, { decoy: decoyOptions, smtp: smtpOptions });

  function placed({ path, message, fix, ofKey }: Finding): Fault {
    const place = pathText(path);
    const value = ofKey ? null : shown(path, valueAt(written, path));
    const flag = [...flags].find(([prefix]) => place === prefix || place.startsWith(`${prefix}[`))?.[1];
    const missing = message === 'is missing';
    if (flag !== undefined)
      return { path: flag, value, message, fix: missing ? (given[flag] ?? fix) : fix, line: null };
    if (!isEmpty) return { path: place, value, message, fix, line: source.line(path) };
    return missing && place === 'sites'
      ? { path: '--host', value, message, fix: 'give --host NAME and --backend URL', line: null }
      : { path: place, value, message, fix, line: null };
  }
}
