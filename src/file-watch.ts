/** Notices changes of files by polling: file events miss a file that a rename replaces, and don't work on every file system. */
import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * Create the watch before the files are first read, and start it afterwards: it then notices a change made during that read. A writer
 * first empties a file and then fills it, so a change is reported only after the files have stayed the same for two polls.
 */
export class FileWatch {
  readonly #files: readonly string[];
  readonly #onChange: () => void;
  #seen: string;
  #pollsUnchanged = pollsToSettle;
  #timer: NodeJS.Timeout | undefined;
  #polling = false;

  /** @param files absolute names; links are followed */
  constructor(files: readonly string[], onChange: () => void) {
    this.#files = files;
    this.#onChange = onChange;
    this.#seen = files.map(fileStamp).join();
  }

  /** @param interval milliseconds between two polls */
  start(interval: number): void {
    this.#timer = setInterval(() => void this.#poll(), interval).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    const now = (await Promise.all(this.#files.map(stampLater))).join();
    this.#polling = false;
    if (this.#timer === undefined) return;
    if (now !== this.#seen) this.#pollsUnchanged = 0;
    else if (++this.#pollsUnchanged === pollsToSettle) this.#onChange();
    this.#seen = now;
  }
}

const pollsToSettle = 2;

/** A text that changes with the file, or with the target of a link; empty: the file is missing or can't be read. */
export function fileStamp(file: string): string {
  try {
    return stampOf(statSync(file));
  } catch {
    return '';
  }
}

const stampLater = (file: string): Promise<string> => stat(file).then(stampOf, () => '');

/** The ctime reveals a file of the same size whose mtime was set back: `cp -p` and `touch -d` set the mtime, but no program can set the ctime. */
const stampOf = ({ ino, mtimeMs, ctimeMs, size }: Stats): string => `${ino} ${mtimeMs} ${ctimeMs} ${size}`;
