/** Domains in a file, one a line, reloaded when it changes. */
import { readFileSync } from 'node:fs';
import { FileWatch } from '../file-watch.ts';
import { DomainTable } from './domains.ts';

/** Poll interval in milliseconds. */
const lookEvery = 2000;
/** Largest file in octets; a hundred thousand domains take some two million. */
const largest = 64 * 1024 * 1024;

/**
 * Reads the text of such a file. As in a Postfix hash map, everything after the first word of a line is ignored, a line that begins
 * with white space continues the one before, and `.name` means every name below it.
 *
 * @throws if a line is not a domain, with its number
 */
export function readDomains(text: string): DomainTable {
  const table = new DomainTable();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const word = /^[^\s#]+/.exec(line)?.[0].replace(/,$/, '');
    if (word === undefined) continue;
    try {
      table.add(word.startsWith('.') ? `*${word}` : word);
    } catch {
      throw new Error(
        `line ${index + 1}: ${word.slice(0, 100)} is no domain; write a name such as example.net, *.example.net or [192.0.2.1]`,
      );
    }
  }
  return table;
}

/** @throws Error if the file can't be read or holds anything else, with the fix */
export function loadDomains(file: string): DomainTable {
  try {
    const text = readFileSync(file);
    if (text.length > largest) throw new Error('it has more than 64 MiB');
    return readDomains(text.toString('utf8'));
  } catch (cause) {
    throw new Error(`smtp: domains: ${file}: ${(cause as Error).message}`, { cause });
  }
}

export interface DomainFileEvents {
  /** The changed file is invalid; the old domains stay in force. */
  readonly onError: (error: Error) => void;
  readonly onReload: () => void;
}

export class DomainFile {
  readonly #file: string;
  readonly #events: DomainFileEvents;
  readonly #watch: FileWatch;
  #table: DomainTable;

  /** @throws Error if the file is invalid at the start */
  constructor(file: string, events: DomainFileEvents, interval = lookEvery) {
    this.#file = file;
    this.#events = events;
    this.#watch = new FileWatch([file], () => this.reload());
    this.#table = loadDomains(file);
    this.#watch.start(interval);
  }

  has(domain: string): boolean {
    return this.#table.has(domain);
  }

  reload(): void {
    try {
      this.#table = loadDomains(this.#file);
    } catch (error) {
      this.#events.onError(error as Error);
      return;
    }
    this.#events.onReload();
  }

  close(): void {
    this.#watch.close();
  }
}
