/** Notices changes of files by polling: file events miss a file that a rename replaces, and don't work on every file system. */
import { type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * Make one before the files are read, and start it after: so it notices a change that was made while they were read. A file is empty
 * when its writer opens it, so a change is told of when the files have stayed the same for two polls.
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

/** A text that changes with the file, or with the target of a link; empty: the file can't be found or looked at. */
export function fileStamp(file: string): string {
  try {
    return stampOf(statSync(file));
  } catch {
    return '';
  }
}

const stampLater = (file: string): Promise<string> => stat(file).then(stampOf, () => '');

/** The time of the last status change tells of a file of the same size whose time of change was set back. */
const stampOf = ({ ino, mtimeMs, ctimeMs, size }: Stats): string => `${ino} ${mtimeMs} ${ctimeMs} ${size}`;
