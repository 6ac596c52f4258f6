/** Events as CSV (RFC 4180), safe to open in a spreadsheet. */
import { connectionFields } from '../events/connection.ts';
import type { JournalRow } from '../events/journal-query.ts';
import type { Origin } from '../geo/origin.ts';

type Row = JournalRow & Origin;

const columns = [
  'id',
  'first',
  'last',
  'count',
  'listener',
  'client',
  'prefix',
  'site',
  'action',
  'rule',
  'rules',
  'intent',
  'destination',
  'answer',
  'why',
  'request',
  'counts',
  ...connectionFields,
  'country',
  'asn',
  'network',
] as const satisfies (keyof Row)[];

export const csvHeader = `${columns.join(',')}\r\n`;

export const csvLine = (row: Row): string => `${columns.map((column) => field(row, column)).join(',')}\r\n`;

function field(row: Row, column: (typeof columns)[number]): string {
  const value = row[column];
  if (value === null || value === undefined) return '';
  if (column === 'first' || column === 'last') return new Date(Number(value)).toISOString();
  const text = Array.isArray(value) ? value.join(' ') : String(value);
  // CSV injection: a spreadsheet runs a cell that begins like this as a formula, and the sender of a probe chose the text.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
