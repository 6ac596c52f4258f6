import { type StatsListener, unwatchFile, watchFile } from 'node:fs';
import { readLists } from './list-file.ts';
import type { PrefixList } from './prefix-list.ts';

export interface ListWatchOptions {
  /** Absolute file names. */
  readonly files: readonly string[];
  /** Gets the prefixes of all files whenever one of them has changed. */
  readonly onLists: (list: PrefixList) => void;
  /** Called if a changed file can't be read or holds anything but prefixes; the previous list stays in force. */
  readonly onError: (error: Error) => void;
  /** How often the files are polled, in milliseconds. @default 2000 */
  readonly interval?: number;
}

/**
 * Rereads lists when their files change. It polls, because kernel events miss a file that is replaced by rename, and do not
 * work on every file system. A changed file is read only after it has stayed the same for two intervals: a file is empty
 * when its writer opens it, and half a list would let in the clients of the other half.
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

  /** Reads all files now; resolves once their lists are in force or an error has been reported. */
  reload(): Promise<void> {
    const { files, onLists, onError } = this.#options;
    // One at a time: a slow earlier read must not overwrite the result of a later one.
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
