/** Bytes of a request made fit to be kept and shown: bounded, secrets gone, printable. */
import { isSecretName } from './secret-names.ts';

const gone = '[redacted]';
/** Longer names are no names of secrets. A bound, so that a text without an end is not looked through for each of its parts. */
const name = '[^\\s=&?;:"\\\\]{1,128}';
/** With its folded lines: a parser that takes them reads them as the value. */
const headerLine = /^([!#-'*+.^_`|~0-9A-Za-z-]{1,128})([ \t]{0,16}:)[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*/gm;
const parameter = new RegExp(`[?&;\\s](${name})=`, 'g');
const parameterEnd = /[&\s]/g;
const member = /"([^"\\\r\n]{1,128})"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}/g;
const memberEnd = /[,}\]\s]/g;
/** A field of a form that is sent in parts (RFC 7578), and its value. */
const part =
  /^(content-disposition:[^\r\n]{0,256}\bname="([^"\r\n]{1,128})"[^\r\n]{0,256}\r?\n(?:[^\r\n]{1,256}\r?\n){0,4}\r?\n)[^\r\n]*/gim;
const userinfo = /(\/\/)[^/@\s?#]+@/g;

/**
 * Replaces the values of headers, parameters, fields of forms, JSON members and userinfo that hold credentials. What a pattern
 * cannot do without is looked for first: most targets and reasons have none of it.
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

/** @param named finds the next name, up to where its value begins @param end where a value ends that begins there */
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

/** Behind the quotation mark that ends a string of JSON; the end of the text where there is none. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

/** Everything but printable ASCII and line ends as \xHH; line ends as \r\n. One line out, whatever came in. */
export const printable = (text: string): string =>
  text.replace(/[^\x20-\x7e]|\\/g, (char) => {
    if (char === '\r') return '\\r';
    if (char === '\n') return '\\n';
    if (char === '\\') return '\\\\';
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
