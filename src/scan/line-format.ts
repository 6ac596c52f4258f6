import type { LogEntry } from './log-entry.ts';

/**
 * What became of a line: an entry; traffic with nothing in it to judge (`ordinary`: a mail session); a line that says
 * nothing of requests (`skip`); or one that is not of this format.
 */
export type Parsed = LogEntry | 'ordinary' | 'skip' | null;

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
  /** A line of it, with those before it that it needs: docs/reference/log-formats.md shows it, and tests read it. */
  readonly example: string;
  /** A line needs those before it: a large log of this format is not read in parts. */
  readonly stateful?: true;
  /** Holds no answers to requests: half a sentence that says why, and what to give instead. */
  readonly silent?: string;
  /** Reads any system log: asked when no other format reads a line. */
  readonly fallback?: true;
  /** @param now the latest time an entry can have, for formats that write no year */
  open(now: number): LineParser;
}
