import { type StatsListener, unwatchFile, watchFile } from 'node:fs';
import { readLists } from './list-file.ts';
import type { PrefixList } from './prefix-list.ts';

export interface ListWatchOptions {
  /** Absolute file names. */
  readonly files: readonly string[];
  /** Gets the prefixes of all files, each time one of them has changed. */
  readonly onLists: (list: PrefixList) => void;
  /** Told where a changed file can't be read or holds something else than prefixes; the list before stays in force. */
  readonly onError: (error: Error) => void;
  /** How often the files are looked at, in milliseconds. @default 2000 */
  readonly interval?: number;
}

/**
 * Reads lists again when their files change. By looking at them now and then: a file that is replaced by another of its
 * name, on whatever file system, is noticed that way, and by the kernel's events it is not. A file is read when it has stood
 * still for twice as long: one that is being written is empty first, and half a list would let the other half in.
 */
export class ListWatch {
  readonly #options: ListWatchOptions;
  readonly #listener: StatsListener;
  #reading: Promise<void> = Promise.resolve();
  #settling: NodeJS.Timeout | undefined;

  constructor(options: ListWatchOptions) {
    this.#options = options;
    const { files, interval = 2000 } = options;
    this.#listener = (now, before) => {
      if (now.mtimeMs === before.mtimeMs && now.ino === before.ino && now.size === before.size) return;
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => this.reload(), interval * 2).unref();
    };
    for (const file of files) watchFile(file, { interval, persistent: false }, this.#listener);
  }

  /** Reads all files now; resolves when their lists are in force, or an error has been told. */
  reload(): Promise<void> {
    const { files, onLists, onError } = this.#options;
    // One after the other: an earlier reading that takes longer must not win over a later one.
    this.#reading = this.#reading.then(async () => {
      try {
        onLists(await readLists(files));
      } catch (error) {
        onError(error as Error);
      }
    });
    return this.#reading;
  }

  close(): void {
    clearTimeout(this.#settling);
    for (const file of this.#options.files) unwatchFile(file, this.#listener);
  }
}
