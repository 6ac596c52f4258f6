/**
 * Text as one word of a configuration. What could end the word and begin a directive throws, whoever wrote it: the
 * config that is exported may come from elsewhere.
 */

/** In quotes nginx reads `\\`, `\"`, `\'`, `\t`, `\r` and `\n`; every other backslash stands for itself. */
export const nginxWord = (text: string): string =>
  `"${oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** In quotes Apache reads `\\` and `\"`, and before that the variables `${…}` of the configuration. */
export function apacheWord(text: string): string {
  if (text.includes('${')) throw new TypeError(`a variable: ${JSON.stringify(text)}`);
  return nginxWord(text);
}

/** In single quotes HAProxy reads every character as it stands. */
export function haproxyWord(text: string): string {
  if (text.includes("'")) throw new TypeError(`a quote: ${JSON.stringify(text)}`);
  return `'${oneLine(text)}'`;
}

/** A raw string of CEL, within a token of a Caddyfile between backticks; `{name}` would be a placeholder of Caddy. */
export function celWord(text: string): string {
  if (/['`]|\{\$?[a-z]/i.test(text)) throw new TypeError(`no raw string: ${JSON.stringify(text)}`);
  return `r'${oneLine(text)}'`;
}

/** A canonical prefix. */
export function prefixWord(prefix: string): string {
  if (!/^[0-9a-f.:]+\/[0-9]+$/.test(prefix)) throw new TypeError(`not a prefix: ${JSON.stringify(prefix)}`);
  return prefix;
}

/** The text, where it is one line. */
export function oneLine(text: string): string {
  if (/\p{Cc}/u.test(text)) throw new TypeError(`more than a line: ${JSON.stringify(text)}`);
  return text;
}

/** A string of CrowdSec's expressions, which reads backslashes and no variables. */
export const exprWord = (text: string): string =>
  `"${oneLine(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** In single quotes YAML reads every character as it stands. */
export const yamlWord = (text: string): string => `'${oneLine(text).replaceAll("'", "''")}'`;
