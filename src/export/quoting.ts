/**
 * Quotes text as one word of a configuration. Throws if the text could end the word and begin a directive: the exported config
 * may come from somebody else.
 */

/** In quotes nginx reads `\\`, `\"`, `\'`, `\t`, `\r` and `\n` as escapes; any other backslash is literal. */
export const nginxWord = (text: string): string =>
  `"${oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** In quotes Apache reads `\\` and `\"` as escapes, after it has replaced `${…}` variables. */
export function apacheWord(text: string): string {
  if (text.includes('${')) throw new TypeError(`a variable: ${JSON.stringify(text)}`);
  return nginxWord(text);
}

/** In single quotes every character is literal for HAProxy. */
export function haproxyWord(text: string): string {
  if (text.includes("'")) throw new TypeError(`a quote: ${JSON.stringify(text)}`);
  return `'${oneLine(text)}'`;
}

/** A raw CEL string, inside a Caddyfile token between backticks; Caddy would replace `{name}`. */
export function celWord(text: string): string {
  if (/['`]|\{\$?[a-z]/i.test(text)) throw new TypeError(`not a raw string: ${JSON.stringify(text)}`);
  return `r'${oneLine(text)}'`;
}

/** A canonical prefix. */
export function prefixWord(prefix: string): string {
  if (!/^[0-9a-f.:]+\/[0-9]+$/.test(prefix)) throw new TypeError(`not a prefix: ${JSON.stringify(prefix)}`);
  return prefix;
}

/** @throws if the text has control characters, line breaks included */
export function oneLine(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new TypeError(`control character in: ${JSON.stringify(text)}`);
  return text;
}

/** A string in CrowdSec's expressions, which reads backslash escapes but no variables. */
export const exprWord = (text: string): string =>
  `"${oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** In single quotes every character but the quote is literal in YAML. */
export const yamlWord = (text: string): string => `'${oneLine(text).replaceAll("'", "''")}'`;
