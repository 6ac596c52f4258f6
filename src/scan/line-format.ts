import type { LogEntry } from './log-entry.ts';

/** What became of a line: an entry, a line that says nothing of requests (`skip`), or one that is not of this format. */
export type Parsed = LogEntry | 'skip' | null;

/** Reads the lines of one log, one after the other. */
export interface LineParser {
  /** Total: any text gives an answer. @param text one character a byte, without its line end */
  parse(text: string): Parsed;
  /** What is left when the log ends, of formats that spread one request over several lines. */
  flush?(): LogEntry[];
}

/** A log format: one row of `formats`. */
export interface LineFormat {
  /** As `--format` takes it. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  /** @param now the latest time an entry can have, for formats that write no year */
  open(now: number): LineParser;
}
