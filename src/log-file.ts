/** The file of the log: appended to by every process, and opened again when it was moved away. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** Where lines go. */
export interface LogSink {
  /** @param line with its newline */
  write(line: string): void;
  /** Opens the file anew by its name: logrotate has moved the one before. */
  reopen(): void;
}

/** On stderr nothing is opened again. */
export const stderrSink: LogSink = { write: toStderr, reopen: () => {} };

export class LogFile implements LogSink {
  readonly #path: string;
  #fd: number;
  /** Whether the last line could not be written, so that a full disk is told once and not with every line. */
  #failing = false;

  /**
   * @param path absolute
   * @throws Error where it can't be written, with the fix
   */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = open(path);
    } catch (error) {
      throw new Error(
        `log.file: ${path} can't be written (${(error as NodeJS.ErrnoException).code}): let the user that runs the program write it ` +
          'and its folder, or name a file elsewhere',
        { cause: error },
      );
    }
  }

  /** One system call a line: with O_APPEND lines of several processes do not mix, and copytruncate leaves no hole. */
  write(line: string): void {
    try {
      writeAll(this.#fd, line);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        toStderr(
          `log.file: ${this.#path} can't be written (${(error as Error).message}): lines go to stderr\n`,
        );
      this.#failing = true;
      toStderr(line);
    }
  }

  /** Where that fails, lines go on into the file that was moved away. */
  reopen(): void {
    const before = this.#fd;
    try {
      this.#fd = open(this.#path);
    } catch (error) {
      const why = `log.file: ${this.#path} can't be opened again (${(error as Error).message}): lines go into the file that was there before`;
      toStderr(`${why}\n`);
      return;
    }
    closeSync(before);
  }
}

/** Readable by the group: adm, where the folder says so. It holds what clients sent, so nobody else reads it. */
const open = (path: string): number => openSync(path, 'a', 0o640);

function writeAll(fd: number, line: string): void {
  const bytes = Buffer.from(line);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function toStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // Nobody reads it any more: a line less, and traffic goes on.
  }
}
