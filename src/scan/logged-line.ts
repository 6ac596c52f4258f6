/** The request in pasted log lines, whatever the format and whatever is wrapped around them. */
import { detectFormat, sampleLines } from './detect.ts';
import type { LineFormat } from './line-format.ts';
import { type LogEntry, logEntry } from './log-entry.ts';
import { collector, detectWrapping, openWrappings, withoutPrefix } from './wrapping.ts';

export interface LoggedLine {
  readonly format: LineFormat;
  /** Null where the lines are of that format, and hold no request to judge. */
  readonly entry: LogEntry | null;
}

/** Longest record, in characters. */
const limit = 4 * 1024 * 1024;

/** What servers log where no request came, or none that they could read. */
const unlogged = /^(?:-?|<BADREQ>|- .*)\s*$/;

/** @param text one character a byte @returns null where the first line is of no known format */
export function readLogged(text: string, now: number): LoggedLine | null {
  const lines = text.split(/\r?\n/, sampleLines).filter((line) => line !== '');
  if (lines.length === 0) return null;
  const inner = lines.flatMap(openWrappings(detectWrapping(lines, limit), limit));
  const bare = inner.map((line) => withoutPrefix(line) ?? line);
  const messages = inner.flatMap(openWrappings([collector], limit));
  const tried = [inner, bare, messages].map((texts) => ({
    texts,
    format: detectFormat(texts.slice(0, 1), now),
  }));
  const readable = tried.filter(({ format }) => format !== null);
  const read = readable.find(({ format }) => format!.fallback !== true) ?? readable[0];
  if (read === undefined || read.format === null) return null;
  const parser = read.format.open(now);
  for (const line of read.texts) {
    const parsed = parser.parse(line);
    if (parsed !== null && typeof parsed === 'object' && !unlogged.test(parsed.request))
      return { format: read.format, entry: parsed };
  }
  return { format: read.format, entry: parser.flush?.()[0] ?? delivery(read) };
}

/** A delivery says little without the arrival of the same mail, but whom it was for. */
function delivery({ texts }: { readonly texts: readonly string[] }): LogEntry | null {
  const recipient = /(?:\bto=|[=-]> )<?([^\s<>,"=]+@[^\s<>,"]+)/.exec(texts[0]!)?.[1];
  return recipient === undefined
    ? null
    : logEntry({ request: `RCPT TO:<${recipient}>`, mail: { recipient, sender: null } });
}
