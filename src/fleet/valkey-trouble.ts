/** Explains why Valkey is unavailable, and what to check. */
import type { ValkeyAddress } from '../address/valkey-address.ts';
import { refusedHere } from '../listener/refused-dial.ts';
import type { Trouble } from './store.ts';

interface Row {
  readonly seen: RegExp;
  readonly kind: Trouble['kind'];
  readonly say: (where: string, why: string, tls: boolean) => string;
}

/** Matched in order against code and message of an error, as Node, OpenSSL or Valkey write them. */
const rows: readonly Row[] = [
  {
    seen: /WRONGPASS|NOAUTH|invalid (?:username|password)/,
    kind: 'refused',
    say: (where, why) => `${where} rejects user or password (${why}): see fleet.valkey`,
  },
  {
    seen: /NOPERM/,
    kind: 'refused',
    say: (where, why) => `the user lacks permissions on ${where} (${why}): docs/fleet.md lists them`,
  },
  {
    seen: /WRONG_VERSION_NUMBER|wrong version number|packet length too long|ERR_SSL_.*RECORD/,
    kind: 'refused',
    say: (where) => `${where} does not speak TLS: write redis:// in fleet.valkey, or its TLS port`,
  },
  {
    seen: /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|ALTNAME|ALERT/i,
    kind: 'refused',
    say: (where, why) =>
      `the certificate of ${where}, or the one this gateway shows, is not accepted (${why}): see fleet.ca, cert and key`,
  },
  {
    seen: /\bOOM\b/,
    kind: 'full',
    say: (where) => `${where} is out of memory: raise its maxmemory`,
  },
  { seen: /LOADING/, kind: 'away', say: (where) => `${where} is still loading its data` },
  { seen: /READONLY/, kind: 'away', say: (where) => `${where} is a read-only replica` },
  { seen: /ECONNREFUSED/, kind: 'away', say: (where) => `nothing listens at ${where}` },
  {
    seen: /ENOTFOUND|EAI_AGAIN/,
    kind: 'away',
    say: (where, why) => `the name in ${where} does not resolve (${why})`,
  },
  {
    seen: /timed out|ETIMEDOUT/,
    kind: 'away',
    say: (where, _why, tls) =>
      `${where} does not answer${tls ? ': does it speak TLS (else write redis://)?' : ''}`,
  },
  {
    seen: /Connection is closed|ECONNRESET|EPIPE/,
    kind: 'away',
    say: (where) => `${where} closes the connection without an answer: does it expect TLS (rediss://)?`,
  },
];

/** @returns null if the error only follows from another one that is reported */
export function troubleOf(error: Error, address: ValkeyAddress): Trouble | null {
  if (error.message.includes("Stream isn't writeable")) return null;
  const where = address.nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
  const { code, lastNodeError } = error as { code?: string; lastNodeError?: Error };
  const why = lastNodeError?.message ?? error.message;
  const text = `${code ?? ''} ${why}`;
  const row = rows.find(({ seen }) => seen.test(text));
  return row === undefined
    ? { kind: 'away', text: `${where}: ${why}${refusedHere(lastNodeError ?? error)}` }
    : { kind: row.kind, text: row.say(where, why, address.tls) };
}
