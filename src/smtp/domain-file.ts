/** Domains in a file, one a line, read again when it changes. */
import { readFileSync, type StatsListener, unwatchFile, watchFile } from 'node:fs';
import { DomainTable } from './domains.ts';

/** How often the file is looked at, in milliseconds. Polled: a rename in place escapes the kernel's events. */
const lookEvery = 2000;
/** Octets of a file; a hundred thousand domains have some two million. */
const largest = 64 * 1024 * 1024;

/**
 * Reads the text of such a file. As in the text of a Postfix hash map what follows the first word of a line is left alone, a line
 * that begins with white space goes on with the one before, and `.name` stands for every name below.
 *
 * @throws where a line is none, with its number
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

/** @throws Error where it can't be read, or holds something else, with the fix */
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
  /** The changed file can't be used; the domains before stay in force. */
  readonly onError: (error: Error) => void;
  readonly onReload: () => void;
}

export class DomainFile {
  readonly #file: string;
  readonly #events: DomainFileEvents;
  readonly #listener: StatsListener;
  #table: DomainTable;
  #settling: NodeJS.Timeout | undefined;

  /** @throws Error where it can't be used at the start */
  constructor(file: string, events: DomainFileEvents, interval = lookEvery) {
    this.#file = file;
    this.#events = events;
    this.#table = loadDomains(file);
    // A file that is being written is empty first: it is read when it has stood still for twice as long.
    this.#listener = (now, before) => {
      if (now.mtimeMs === before.mtimeMs && now.ino === before.ino && now.size === before.size) return;
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => this.reload(), interval * 2).unref();
    };
    watchFile(file, { interval, persistent: false }, this.#listener);
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
    clearTimeout(this.#settling);
    unwatchFile(this.#file, this.#listener);
  }
}
