/** Turns logged request lines back into the bytes that were sent. */
import { tokenChars } from '../wire/token.ts';

const named: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  v: '\v',
  f: '\f',
  a: '\x07',
  '"': '"',
  '\\': '\\',
};

/**
 * Undoes the escapes of Apache (`\x16`, `\"`, `\\`, `\n`), nginx (`\x16`, `\x22`) and JSON-escaping nginx (`\u0016`).
 * Any other backslash is literal: Apache 1.3 escaped nothing.
 */
export function unescapeRequest(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(
    /\\(?:x([0-9A-Fa-f]{2})|u00([0-9A-Fa-f]{2})|([nrtbvfa"\\]))/g,
    (_, hex: string | undefined, unicode: string | undefined, name: string | undefined) =>
      name === undefined ? String.fromCharCode(Number.parseInt((hex ?? unicode)!, 16)) : named[name]!,
  );
}

/** Undoes the escapes of HAProxy, which writes unprintable bytes as `#16`. */
export const unescapeHash = (text: string): string =>
  text.replace(/#([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Removes terminal colours, which development servers print. */
export const withoutColour = (text: string): string =>
  text.includes('\x1b') ? text.replace(/\x1b\[[\d;]*m/g, '') : text;

const requestLine = new RegExp(
  String.raw`^([${tokenChars}]+)[ \t]+(.*?)(?:[ \t]+(HTTP/\d(?:\.\d)?))?[ \t]*[\r\n]*$`,
  's',
);

/** Method, target and version of a request line; null if it is none. */
export function requestWords(request: string): { method: string; target: string; version: string } | null {
  const m = requestLine.exec(request);
  return m === null || m[2] === '' ? null : { method: m[1]!, target: m[2]!, version: m[3] ?? '' };
}
