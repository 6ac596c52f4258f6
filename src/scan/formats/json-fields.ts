/** Helpers for formats with one JSON object per line. */
import type { Parsed } from '../line-format.ts';
import { type LogEntry, numberOrNull, orNull } from '../log-entry.ts';
import { clfTime, epochTime, isoTime } from '../log-time.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const text = (value: unknown): string | null =>
  typeof value === 'string' ? orNull(value) : typeof value === 'number' ? String(value) : null;
/** JSON numbers of hundreds of digits parse as Infinity. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
export const number = (value: unknown): number | null =>
  typeof value === 'number' ? finite(value) : typeof value === 'string' ? numberOrNull(value) : null;
export const object = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
export const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

export function time(value: unknown): number | null {
  if (typeof value === 'number') return epochTime(value);
  if (typeof value !== 'string') return null;
  return (
    clfTime(value) ?? isoTime(value) ?? (/^\d+(?:\.\d+)?$/.test(value) ? epochTime(Number(value)) : null)
  );
}

/** A header in Go's map of lists, in any case. */
export function header(headers: unknown, name: string): string | null {
  const value = Object.entries(object(headers)).find(([key]) => key.toLowerCase() === name)?.[1];
  return text(Array.isArray(value) ? value[0] : value);
}

export const ms = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);

export interface Shape {
  readonly id: string;
  readonly title: string;
  readonly example: string;
  readonly is: (fields: Fields) => boolean;
  readonly read: (fields: Fields) => Parsed;
}

/** The object may follow a time and a stream name from a container runtime or syslog. */
function parseObject(line: string): Fields | null {
  const open = line.startsWith('{') ? 0 : line.search(/(?:^|\s)\{"/);
  if (open === -1 || open > 300) return null;
  try {
    const value: unknown = JSON.parse(line.slice(open));
    return isObject(value) ? (value as Fields) : null;
  } catch {
    return null;
  }
}

/** Decodes a latin1 line as UTF-8, the encoding of JSON. */
const utf8 = (line: string): string =>
  /[\x80-\xff]/.test(line) ? Buffer.from(line, 'latin1').toString('utf8') : line;

/** The object in a line; null if there is none. @param line latin1 */
export const parseLine = (line: string): Fields | null =>
  line.startsWith('{') || line.includes('{"') ? parseObject(utf8(line)) : null;

/** Encodes the request back to latin1, which later steps expect. */
export function bytesOf(entry: LogEntry): LogEntry {
  return /[^\0-\xff]/.test(entry.request)
    ? { ...entry, request: Buffer.from(entry.request, 'utf8').toString('latin1') }
    : entry;
}
