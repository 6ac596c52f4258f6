import type { LogEntry } from './log-entry.ts';

/**
 * A parsed line: an entry; traffic with nothing to judge (`ordinary`, such as a mail session); a line without a request
 * (`skip`); or null for a line that is not in this format.
 */
export type Parsed = LogEntry | 'ordinary' | 'skip' | null;

/** Reads the lines of one log in order. */
export interface LineParser {
  /** Never throws, whatever the text. @param text latin1, without the line end */
  parse(text: string): Parsed;
  /** At the end of the log: unfinished entries, for formats with several lines per request. */
  flush?(): LogEntry[];
}

/** A log format: one row of `formats`. */
export interface LineFormat {
  /** The id for `--format`. */
  readonly id: string;
  /** For people. */
  readonly title: string;
  /** A sample line, with the earlier lines that it needs: shown in docs/reference/log-formats.md and read by tests. */
  readonly example: string;
  /** Lines depend on earlier lines, so a large log is not split for threads. */
  readonly stateful?: true;
  /** The format has no requests with answers: half a sentence that says why, and which log to scan instead. */
  readonly silent?: string;
  /** Reads any system log: tried only if no other format reads a line. */
  readonly fallback?: true;
  /** @param now the latest possible time of an entry, for formats without a year */
  open(now: number): LineParser;
}
