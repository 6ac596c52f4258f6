/** Finds the request in pasted log lines, in any format and wrapping. */
import { detectFormat, sampleLines } from './detect.ts';
import type { LineFormat } from './line-format.ts';
import { type LogEntry, logEntry } from './log-entry.ts';
import { collector, detectWrapping, openWrappings, withoutPrefix } from './wrapping.ts';

export interface LoggedLine {
  readonly format: LineFormat;
  /** Null if the lines have no request to judge. */
  readonly entry: LogEntry | null;
}

/** Longest record, in characters. */
const limit = 4 * 1024 * 1024;

/** Placeholders that servers log for a missing or unreadable request. */
const unlogged = /^(?:-?|<BADREQ>|- .*)\s*$/;

/** @param text latin1 @returns null if the first line is in no known format */
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

/** A delivery line without the mail's arrival still has the recipient. */
function delivery({ texts }: { readonly texts: readonly string[] }): LogEntry | null {
  const recipient = /(?:\bto=|[=-]> )<?([^\s<>,"=]+@[^\s<>,"]+)/.exec(texts[0]!)?.[1];
  return recipient === undefined
    ? null
    : logEntry({ request: `RCPT TO:<${recipient}>`, mail: { recipient, sender: null } });
}
