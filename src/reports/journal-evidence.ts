/** Which journal rows are evidence against a source, and how to word it. Pure. */
import { hostPort } from '../address/host-port.ts';
import type { JournalRow } from '../events/journal-query.ts';
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';

export interface Reporter {
  /** The organisation that reports, or the name of the machine. */
  readonly org: string;
  /** Mail address for questions; empty: to be filled in. */
  readonly contact: string;
}

/**
 * The rows that are evidence: refused requests that must be deliberate, since no browser, old client or busy client sends them.
 * Not evidence are the rate limit, a ban in force, TLS on a plain port, flagged requests, and requests that a web page can make a
 * browser send (`counts` is false). For mail the rule alone decides, because there `counts` describes the whole session.
 */
export const evidenceOf = <Row extends JournalRow>(rows: readonly Row[]): Row[] =>
  rows.filter(
    ({ action, rule, counts }) =>
      action === 'block' && (catalogue[rule] as Rule).bans && (counts !== false || isOfMail(rule)),
  );

/** Not `smtp-on-http`: mail commands on a web port are a request like any other. */
const isOfMail = (rule: RuleId): boolean => rule.startsWith('smtp-') && rule !== 'smtp-on-http';

/** Rules that match attempts to have traffic passed on to a third party. */
const relayRule =
  /^(?:connect|extended-connect|socks[45]|absolute-form-(?:scheme|userinfo|foreign|port)|proxy-(?:authorization|connection)|smtp-(?:foreign-recipient|source-route|percent-hack|bang-path|quoted-route))$/;

export type Activity = 'relay' | 'sign-in' | 'probe';

/** Claims no more than the rules prove: a report can cost a customer their connection. */
export function activityOf(rules: readonly RuleId[]): Activity {
  if (rules.some((rule) => relayRule.test(rule))) return 'relay';
  return rules.includes('smtp-auth-failed') ? 'sign-in' : 'probe';
}

/** Each activity as the object of "We saw …". */
export const activityWords: Readonly<Record<Activity, string>> = {
  relay: 'attempts to relay through our server',
  'sign-in': 'attempts to sign in to our mail server',
  probe: 'probes of our server',
};

/** Whether every row came to a decoy, which has no legitimate clients. A row from another gateway of the fleet has `gateway: ` before the listener. */
export const allByDecoys = (rows: readonly JournalRow[]): boolean =>
  rows.every(({ listener }) => /(?:^|: )decoy /.test(listener));

/** So many failed sign-ins are more than a mistyped password. */
export const bruteForceFrom = 5;

export interface Summary {
  readonly total: number;
  readonly first: number;
  readonly last: number;
  readonly rules: readonly RuleId[];
}

/** @param rows at least one */
export const summaryOf = (rows: readonly JournalRow[]): Summary => ({
  total: rows.reduce((sum, { count }) => sum + count, 0),
  first: Math.min(...rows.map(({ first }) => first)),
  last: Math.max(...rows.map(({ last }) => last)),
  rules: [...new Set(rows.map(({ rule }) => rule))],
});

/** `198.51.100.7:40000`, `[2001:db8::7]:40000`; only the address if the port is unknown. */
export const withPort = (address: string, port: number | null | undefined): string =>
  port == null ? address : hostPort(address, port);

/** `2026-11-29 10:00:00 UTC` */
export const utc = (time: number): string =>
  new Date(time)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

/**
 * A line of evidence with what carriers need (RFC 6302): the time of a connection and both ends with their ports. For a folded
 * row it describes the first connection.
 */
export function evidenceLine(row: JournalRow): string {
  const { first, client, clientPort, localAddress, localPort, listener, request } = row;
  const to = localAddress == null ? listener : withPort(localAddress, localPort);
  return `${utc(first)}  ${withPort(client, clientPort)}  ${to}  "${request.slice(0, 200)}"  ${answerWords(row)}`;
}

/** Our answer, and how often it was given. */
export function answerWords({ answer, count }: JournalRow): string {
  const given = answer === 'drop' ? 'connection closed' : String(answer);
  return count > 1 ? `${given} (${count} times)` : given;
}
