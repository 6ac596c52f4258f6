/** Makes bytes of a request safe to store and show: secrets removed, printable. */
import { tokenChars } from '../wire/token.ts';
import { isSecretName } from './secret-names.ts';

const gone = '[redacted]';
/** Secrets have shorter names. The bound keeps matching linear on a long text (ReDoS). */
const name = '[^\\s=&?;:"\\\\]{1,128}';
/** With its folded lines (obs-fold): a lenient parser reads them as part of the value. */
const headerLine = new RegExp(
  String.raw`^([${tokenChars}]{1,128})([ \t]{0,16}:)[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*`,
  'gm',
);
const parameter = new RegExp(`[?&;\\s](${name})=`, 'g');
const parameterEnd = /[&\s]/g;
const member = /"([^"\\\r\n]{1,128})"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}/g;
const memberEnd = /[,}\]\s]/g;
/** A field of a multipart form (RFC 7578), and its value. */
const part =
  /^(content-disposition:[^\r\n]{0,256}\bname="([^"\r\n]{1,128})"[^\r\n]{0,256}\r?\n(?:[^\r\n]{1,256}\r?\n){0,4}\r?\n)[^\r\n]*/gim;
const userinfo = /(\/\/)[^/@\s?#]+@/g;

/**
 * Replaces the values of headers, parameters, form fields, JSON members and userinfo that hold credentials. A cheap includes() for the
 * character each pattern needs runs first: most texts have none.
 */
export function redact(text: string): string {
  let safe = text;
  if (safe.includes(':'))
    safe = safe.replace(headerLine, (line: string, field: string, colon: string) =>
      isSecretName(field) ? `${field}${colon} ${gone}` : line,
    );
  if (safe.includes('name="'))
    safe = safe.replace(part, (all: string, head: string, field: string) =>
      isSecretName(field) ? `${head}${gone}` : all,
    );
  if (safe.includes('=')) safe = valuesRedacted(safe, parameter, (from) => endOf(safe, parameterEnd, from));
  if (safe.includes('":') || safe.includes('" '))
    safe = valuesRedacted(safe, member, (from) =>
      safe[from] === '"' ? stringEnd(safe, from) : endOf(safe, memberEnd, from),
    );
  if (safe.includes('@')) safe = safe.replace(userinfo, `$1${gone}@`);
  return safe;
}

/** @param named matches up to the start of a value @param end the end of a value, given its start */
function valuesRedacted(text: string, named: RegExp, end: (from: number) => number): string {
  let safe = '';
  let kept = 0;
  named.lastIndex = 0;
  for (let found = named.exec(text); found !== null; found = named.exec(text)) {
    if (!isSecretName(found[1]!)) continue;
    const from = named.lastIndex;
    const quote = text[from] === '"' ? '"' : '';
    const to = end(from);
    if (to === from) continue;
    safe += `${text.slice(kept, from)}${quote}${gone}${quote}`;
    kept = to;
    named.lastIndex = to;
  }
  return kept === 0 ? text : safe + text.slice(kept);
}

function endOf(text: string, mark: RegExp, from: number): number {
  mark.lastIndex = from;
  return mark.exec(text)?.index ?? text.length;
}

/** The offset after the closing quote of a JSON string; the end of the text if there is none. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** Escapes everything but printable ASCII, as \xHH, \r or \n: the result is always one line. */
export const printable = (text: string): string =>
  text.replace(/[^\x20-\x7e]|\\/g, (char) => {
    if (char === '\r') return '\\r';
    if (char === '\n') return '\\n';
    if (char === '\\') return '\\\\';
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
