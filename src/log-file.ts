/** The log file: every process appends to it; reopened after log rotation. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** Where lines go. */
export interface LogSink {
  /** @param line with its newline */
  write(line: string): void;
  /** Opens the file again by name, after logrotate has moved the old one. */
  reopen(): void;
}

/** There is nothing to reopen. */
export const stderrSink: LogSink = { write: toStderr, reopen: () => {} };

export class LogFile implements LogSink {
  readonly #path: string;
  #fd: number;
  /** The last write failed: a full disk is reported once, not with every line. */
  #failing = false;

  /**
   * @param path absolute
   * @throws Error if it can't be written; the message says how to fix it
   */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = open(path);
    } catch (error) {
      throw new Error(
        `log.file: ${path} can't be written (${(error as NodeJS.ErrnoException).code}): give write permission for it and its folder to ` +
          'the user that runs the program, or set another file',
        { cause: error },
      );
    }
  }

  /** One system call per line: with O_APPEND, lines of several processes do not mix, and copytruncate leaves no hole. */
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

  /** On failure, lines still go to the moved file. */
  reopen(): void {
    const before = this.#fd;
    try {
      this.#fd = open(this.#path);
    } catch (error) {
      const why = `log.file: ${this.#path} can't be reopened (${(error as Error).message}): lines still go to the old file`;
      toStderr(`${why}\n`);
      return;
    }
    closeSync(before);
  }
}

/** Readable by the group (adm, if the folder is setgid) but not by others: it holds what clients sent. */
const open = (path: string): number => openSync(path, 'a', 0o640);

function writeAll(fd: number, line: string): void {
  const bytes = Buffer.from(line);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function toStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // stderr is closed: drop the line rather than stop serving.
  }
}
