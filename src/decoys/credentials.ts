/** Hashes the credentials a sender offers, to recognise them again without storing them. */
import { createHmac, randomBytes } from 'node:crypto';

/** Never stored: someone who has the journal can't test a list of passwords against the hashes. */
const key = randomBytes(32);

/** Equal for the same name and password in any protocol, until the program stops. */
export const credentialHash = (offered: string): string =>
  createHmac('sha256', key).update(offered, 'latin1').digest('hex').slice(0, 32);

/** A name and a password in the form that is hashed. */
export const pairOf = (user: string, password: string): string => `${user}\0${password}`;

/** The credentials of Proxy-Authorization, or else of Authorization; null: none. @param rawHeaders as in Node: name, value, name, value … */
export function httpCredentials(rawHeaders: readonly string[]): string | null {
  for (const wanted of ['proxy-authorization', 'authorization'])
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (rawHeaders[i]!.toLowerCase() === wanted) return fromField(rawHeaders[i + 1]!);
  return null;
}

function fromField(value: string): string {
  const base64 = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(value)?.[1];
  if (base64 === undefined) return value;
  const text = Buffer.from(base64, 'base64').toString('latin1');
  const colon = text.indexOf(':');
  return colon === -1 ? pairOf(text, '') : pairOf(text.slice(0, colon), text.slice(colon + 1));
}

/** The credentials of AUTH PLAIN (RFC 4616): authorization identity, name, password. */
export function plainCredentials(base64: string): string {
  const [, user = '', password = ''] = Buffer.from(base64, 'base64').toString('latin1').split('\0');
  return pairOf(user, password);
}
