import type { ErrorCode } from '../errors.ts';

/** One thing that is wrong with a config: where, what, and the fix. */
export interface Fault {
  /** `sites[0].hosts[1]`, or the command line's flag (`--listen`); empty for the file as a whole. */
  readonly path: string;
  /** The value at the path if it is a scalar, clipped and without credentials; else null. */
  readonly value: string | number | boolean | null;
  /** What is wrong, to be read after the value: `is not an address`. */
  readonly message: string;
  /** What to write instead, as an imperative. */
  readonly fix: string;
  /** Line in the file, from 1; null if the value does not come from the file. */
  readonly line: number | null;
}

/** Returned by the reader of a value that can't be read. */
export interface Unreadable {
  readonly message: string;
  readonly fix: string;
}

export const unreadable = (message: string, fix: string): Unreadable => ({ message, fix });

export const isUnreadable = (value: object): value is Unreadable => 'fix' in value;

/** The result of a reader, for a text that has passed validation. */
export function readValid<T extends object>(value: T): Exclude<T, { fix: string }> {
  if (isUnreadable(value)) throw new TypeError(`validation let something pass that ${value.message}`);
  return value as Exclude<T, { fix: string }>;
}

/** Thrown by `loadConfig`; holds every fault, not the first. */
export class ConfigError extends Error {
  readonly code: ErrorCode = 'SEKISHO_ERR_CONFIG';
  readonly faults: readonly Fault[];
  /** The file they are in; `command line` if there is none. */
  readonly file: string;

  constructor(faults: readonly Fault[], file = 'command line') {
    super(faults.map(faultText).join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
    this.file = file;
  }
}

/** A fault in one line, for logs. */
export function faultText({ path, value, message, fix, line }: Fault): string {
  const where = [line === null ? '' : `line ${line}`, path].filter(Boolean).join(', ');
  const what = value === null ? message : `${JSON.stringify(value)} ${message}`;
  return `${where === '' ? '' : `${where}: `}${what}. ${fix}.`;
}

export type PathPart = string | number;

/** `['sites', 0, 'hosts']` → `sites[0].hosts`. */
export function pathText(parts: readonly PathPart[]): string {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** The value as it may be shown. Faults end up in terminals, logs and tickets, so secrets are masked. */
export function shown(path: readonly PathPart[], value: unknown): Fault['value'] {
  if (['token', 'secret', 'routingKey', 'cookieSecret'].includes(String(path.at(-1))))
    return value === undefined || value === null ? null : '(not shown)';
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string') return null;
  const safe = value.replace(/\/\/[^/@]*@/g, '//***@').replace(/([?&]token=)[^&]*/g, '$1***');
  return safe.length > 100 ? `${safe.slice(0, 100)}…` : safe;
}

/** The known word nearest to a misspelt one; undefined if none is near enough. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const folded = fold(word);
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(folded, fold(candidate));
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Makes `rate_limit`, `rate-limit` and `rateLimit` equal. */
const fold = (word: string): string => word.slice(0, 64).toLowerCase().replace(/[_-]/g, '');

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length]!;
}
