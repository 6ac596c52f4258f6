/** AUTH (RFC 4954): the exchange is the mail server's affair, but only what can be part of one reaches it. */

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Reads an AUTH line.
 *
 * @param mechanisms those that are offered, upper case
 * @returns the refusal, where it may not go on
 */
export function authRequest(
  line: string,
  mechanisms: readonly string[],
): { refuse: string } | { mechanism: string } {
  const match = /^AUTH ([A-Za-z0-9_-]{1,20})(?: (\S+))?$/i.exec(line);
  const [, mechanism = '', initial = '='] = match ?? [];
  if (match === null || (initial !== '=' && !base64.test(initial)))
    return { refuse: '501 5.5.4 Syntax: AUTH mechanism' };
  return mechanisms.includes(mechanism.toUpperCase())
    ? { mechanism }
    : { refuse: '504 5.5.4 Mechanism not offered' };
}

/** RFC 4954 section 4: base64, or a * that breaks off. Nothing else may reach the mail server as a line. */
export const authResponse = (line: string): string => (base64.test(line) ? line : '*');
