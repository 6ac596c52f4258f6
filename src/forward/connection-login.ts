/**
 * Logins that belong to a connection, not to a request: NTLM, and Negotiate (RFC 4559). The backend attributes every request on
 * such a connection to the client that logged in, so it must never carry a request of another client.
 */
import { is } from '../wire/field-names.ts';

const scheme = /(?:^|,)[ \t]*(?:ntlm|negotiate)(?![^ \t,])/i;

/** Whether a request carries such credentials. */
export const logsConnectionIn = (rawHeaders: readonly string[]): boolean =>
  names(rawHeaders, 'authorization');

/** Whether a backend asks for them. */
export const asksForLogin = (status: number, rawHeaders: readonly string[]): boolean =>
  status === 401 && names(rawHeaders, 'www-authenticate');

/** @param field in lower case */
function names(rawHeaders: readonly string[], field: string): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === field.length && is(name, field) && scheme.test(rawHeaders[i + 1]!)) return true;
  }
  return false;
}
