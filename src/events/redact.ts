/** Bytes of a request made fit to be kept and shown: bounded, secrets gone, printable. */

/** With its folded lines: a parser that takes them reads them as the value. */
const secretHeader =
  /^((?:authorization|proxy-authorization|cookie|set-cookie|x-api-key|x-auth-token|x-csrf-token)[ \t]*:)[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*/gim;
const secretParameter =
  /([?&;\s](?:password|passwd|pwd|pass|token|secret|api_?key|access_token|session(?:id)?)=)[^&\s]+/gi;
const secretMember =
  /("(?:password|passwd|pwd|pass|token|secret|api_?key|access_token|session(?:id)?)"\s*:\s*")(?:[^"\\]|\\.)*/gi;
const userinfo = /(\/\/)[^/@\s?#]+@/g;

/**
 * Replaces the values of headers, parameters, JSON members and userinfo that hold credentials. What a pattern cannot do
 * without is looked for first: most targets and reasons have none of it.
 */
export function redact(text: string): string {
  let safe = text;
  if (safe.includes(':')) safe = safe.replace(secretHeader, '$1 [redacted]');
  if (safe.includes('=')) safe = safe.replace(secretParameter, '$1[redacted]');
  if (safe.includes('"')) safe = safe.replace(secretMember, '$1[redacted]');
  if (safe.includes('@')) safe = safe.replace(userinfo, '$1[redacted]@');
  return safe;
}

/** Everything but printable ASCII and line ends as \xHH; line ends as \r\n. One line out, whatever came in. */
export const printable = (text: string): string =>
  text.replace(/[^\x20-\x7e]|\\/g, (char) => {
    if (char === '\r') return '\\r';
    if (char === '\n') return '\\n';
    if (char === '\\') return '\\\\';
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
