/** Reads the account from an AUTH exchange. Of the password only a keyed hash leaves this file. */
import { createHmac, randomBytes } from 'node:crypto';

export interface SignIn {
  /** Without control characters, cut at 128; empty if the exchange names no account. */
  readonly account: string;
  /** Equal for the same credential from the same client in this process; null: the mechanism never sends it twice alike. */
  readonly fingerprint: string | null;
}

const key = randomBytes(32);

/**
 * Reads the client's side of an exchange.
 *
 * @param mechanism upper case
 * @param said the client's lines, base64, the initial response first
 * @param client part of the fingerprint
 */
export function signIn(mechanism: string, said: readonly string[], client: string): SignIn {
  const texts = said.map((line) => (line === '=' ? '' : Buffer.from(line, 'base64').toString('utf8')));
  const { account, secret } = read(mechanism, texts);
  const name = account.replace(/[\0-\x1f\x7f-\x9f\u2028\u2029]/g, '').slice(0, 128);
  if (secret === null) return { account: name, fingerprint: null };
  const hash = createHmac('sha256', key).update(`${client}\0${account}\0${secret}`).digest('base64');
  return { account: name, fingerprint: hash.slice(0, 22) };
}

function read(mechanism: string, texts: readonly string[]): { account: string; secret: string | null } {
  const [first = '', second = ''] = texts;
  switch (mechanism) {
    case 'PLAIN': {
      // RFC 4616: authzid, authcid, password.
      const [, account = '', secret = ''] = first.split('\0');
      return { account, secret };
    }
    case 'LOGIN':
      return { account: first, secret: second };
    case 'CRAM-MD5':
      // RFC 2195: the name, and a digest that differs for each challenge.
      return { account: first.slice(0, Math.max(first.lastIndexOf(' '), 0)), secret: null };
    case 'XOAUTH2':
      return { account: /(?:^|\x01)user=([^\x01]*)/.exec(first)?.[1] ?? '', secret: first };
    case 'OAUTHBEARER':
      // RFC 7628 section 3.1: the GS2 header names the account.
      return { account: unescaped(/^[nyp][^,]*,a=([^,]*)/.exec(first)?.[1] ?? ''), secret: first };
    default:
      // RFC 5802 section 7, SCRAM: `n,,n=user,r=…`.
      return { account: unescaped(/(?:^|,)n=([^,]*)/.exec(first)?.[1] ?? ''), secret: null };
  }
}

const unescaped = (name: string): string => name.replace(/=2C/gi, ',').replace(/=3D/gi, '=');
