/** Credentials that a sender offered. They are told apart, and never kept: by a keyed hash, whose key ends with the process. */
import { createHmac, randomBytes } from 'node:crypto';

/** Kept nowhere: whoever has the journal cannot try a list of passwords against it. */
const key = randomBytes(32);

/** The same pair of name and password gives the same hash in any protocol, until the program stops. */
export const credentialHash = (offered: string): string =>
  createHmac('sha256', key).update(offered, 'latin1').digest('hex').slice(0, 32);

/** A name and a password, as they are hashed. */
export const pairOf = (user: string, password: string): string => `${user}\0${password}`;

/** Those of a request for a proxy, or of one for a server; null: none are offered. @param rawHeaders as Node has them */
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

/** Those of AUTH PLAIN (RFC 4616): whom to act as, the name, the password. */
export function plainCredentials(base64: string): string {
  const [, user = '', password = ''] = Buffer.from(base64, 'base64').toString('latin1').split('\0');
  return pairOf(user, password);
}
