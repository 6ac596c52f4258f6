import { FileWatch } from '../file-watch.ts';
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

/** Rereads lists when their files change, but not while one is being written: half a list would let in the clients of the other half. */
export class ListWatch {
  readonly #options: ListWatchOptions;
  readonly #watch: FileWatch;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: ListWatchOptions) {
    this.#options = options;
    const { files, interval = 2000 } = options;
    this.#watch = new FileWatch(files, () => void this.reload());
    this.#watch.start(interval);
  }

  /** Reads all files now; resolves once their lists are in force or an error has been reported. */
  reload(): Promise<void> {
    return this.load().catch(this.#options.onError);
  }

  /**
   * Like `reload`, but an error goes to the caller.
   *
   * @throws {ListError} if a file can't be read or holds anything but prefixes
   */
  load(): Promise<void> {
    const { files, onLists } = this.#options;
    // One at a time: a slow earlier read must not overwrite the result of a later one.
    const loaded = this.#reading.then(async () => onLists(await readLists(files)));
    this.#reading = loaded.catch(() => {});
    return loaded;
  }

  close(): void {
    this.#watch.close();
  }
}
