/** What may be held against a source, and in which words. Pure. */
import { hostPort } from '../address/host-port.ts';
import type { JournalRow } from '../events/journal-query.ts';
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';

/** Whoever reports. */
export interface Reporter {
  /** Who reports: an organisation or the name of the machine. */
  readonly org: string;
  /** Mail address for questions; empty: to be filled in. */
  readonly contact: string;
}

/**
 * The rows that are evidence: what was refused, that its sender must have meant, and that no browser, old client or busy one sends.
 * The rate limit, a ban in force, TLS on a plain port and all that was only flagged accuse nobody; nor does what a page can have made
 * a browser do (`counts` is false then). Mail is told by its rules: there `counts` speaks of whole sessions.
 */
export const evidenceOf = <Row extends JournalRow>(rows: readonly Row[]): Row[] =>
  rows.filter(
    ({ action, rule, counts }) =>
      action === 'block' && (catalogue[rule] as Rule).bans && (counts !== false || rule.startsWith('smtp-')),
  );

/** What somebody asks who wants traffic passed on to a third party. */
const relayRule =
  /^(?:connect|extended-connect|socks[45]|absolute-form-(?:scheme|userinfo|foreign|port)|proxy-(?:authorization|connection)|smtp-(?:foreign-recipient|source-route|percent-hack|bang-path|quoted-route))$/;

export type Deed = 'relay' | 'sign-in' | 'probe';

/** No more than the rules bear out: somebody may lose a line over it. */
export function deedOf(rules: readonly RuleId[]): Deed {
  if (rules.some((rule) => relayRule.test(rule))) return 'relay';
  return rules.includes('smtp-auth-failed') ? 'sign-in' : 'probe';
}

/** What a deed is called, as the object of "We saw …". */
export const deedWords: Readonly<Record<Deed, string>> = {
  relay: 'attempts to relay through our server',
  'sign-in': 'attempts to sign in to our mail server',
  probe: 'probes of our server',
};

/** Everything came to decoys: nobody has business there. `gateway: ` stands before the listener where a fleet told of it. */
export const allByDecoys = (rows: readonly JournalRow[]): boolean =>
  rows.every(({ listener }) => /(?:^|: )decoy /.test(listener));

/** Failed sign-ins that are more than a mistyped password. */
export const bruteForceFrom = 5;

export interface Summary {
  readonly total: number;
  readonly first: number;
  readonly last: number;
  readonly rules: readonly RuleId[];
}

/** @param rows one at least */
export const summed = (rows: readonly JournalRow[]): Summary => ({
  total: rows.reduce((sum, { count }) => sum + count, 0),
  first: Math.min(...rows.map(({ first }) => first)),
  last: Math.max(...rows.map(({ last }) => last)),
  rules: [...new Set(rows.map(({ rule }) => rule))],
});

/** `198.51.100.7:40000`, `[2001:db8::7]:40000`; the address alone where the port is not known. */
export const withPort = (address: string, port: number | null | undefined): string =>
  port == null ? address : hostPort(address, port);

/** `2026-11-29 10:00:00 UTC` */
export const utc = (time: number): string =>
  new Date(time)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

/**
 * A line of evidence as carriers need it (RFC 6302): the time of a connection, and both its ends with their ports. Of a row that stands
 * for several it is the first one.
 */
export function evidenceLine(row: JournalRow): string {
  const { first, client, clientPort, localAddress, localPort, listener, request } = row;
  const to = localAddress == null ? listener : withPort(localAddress, localPort);
  return `${utc(first)}  ${withPort(client, clientPort)}  ${to}  "${request.slice(0, 200)}"  ${answerWords(row)}`;
}

/** What the source got, and how often. */
export function answerWords({ answer, count }: JournalRow): string {
  const given = answer === 'drop' ? 'connection closed' : String(answer);
  return count > 1 ? `${given} (${count} times)` : given;
}
