/** What is sent to the abuse contact of a source: a text for people, and X-ARF for their programs. */
import { randomUUID } from 'node:crypto';
import type { JournalEvent } from '../events/journal-query.ts';
import { printable } from '../events/redact.ts';
import { type Origin, originText } from '../geo/origin.ts';
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';

export interface Reporter {
  /** Who reports: an organisation or the name of the machine. */
  readonly org: string;
  /** Mail address for questions; empty: to be filled in. */
  readonly contact: string;
}

/**
 * What may be held against a source: what was refused, and is nothing that a browser, an old client or a busy one sends. The
 * rate limit, a ban in force, TLS on a plain port and all that was only flagged accuse nobody.
 */
export const evidenceOf = (events: readonly JournalEvent[]): JournalEvent[] =>
  events.filter(({ action, rule }) => action === 'block' && (catalogue[rule] as Rule).bans);

/** What somebody asks who wants traffic passed on to a third party. */
const relayRule =
  /^(?:connect|extended-connect|socks[45]|absolute-form-(?:scheme|userinfo|foreign|port)|proxy-(?:authorization|connection)|smtp-(?:foreign-recipient|source-route|percent-hack|bang-path|quoted-route))$/;

export interface Accusation {
  readonly subject: string;
  /** Lines as mail has them. */
  readonly lines: readonly string[];
  readonly tag: string;
}

/** No more than the rules bear out: somebody may lose a line over it. */
export function accusation(source: string, rules: readonly RuleId[]): Accusation {
  if (rules.some((rule) => relayRule.test(rule)))
    return {
      subject: 'attempts to relay through our server',
      lines: [
        `${source} tried to use our server as an open relay.`,
        'The machine may be compromised, or used by somebody who looks for',
        'open proxies; please have a look at it.',
      ],
      tag: 'activity:open_relay_probing',
    };
  if (rules.includes('smtp-auth-failed'))
    return {
      subject: 'attempts to sign in to our mail server',
      lines: [`${source} tried to sign in to our mail server, and failed.`, 'Please have a look at it.'],
      tag: 'activity:password_guessing',
    };
  return {
    subject: 'probes of our server',
    lines: [
      `${source} sent our server what no ordinary client of it sends.`,
      'It may be a scanner; please have a look at it.',
    ],
    tag: 'activity:probing',
  };
}

/** Samples shown in full. */
export const samples = 5;
/** Lines of the list. */
export const listed = 50;

export const utc = (time: number): string =>
  new Date(time)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

/**
 * @param source an address or prefix
 * @param events those of `evidenceOf`, oldest first, one at least
 * @param origin of the source, so that whoever reports can tell which abuse contact is meant
 */
export function abuseReport(
  source: string,
  events: readonly JournalEvent[],
  { org, contact }: Reporter,
  origin: Origin,
): string {
  const total = events.reduce((sum, { count }) => sum + count, 0);
  const first = Math.min(...events.map((event) => event.first));
  const last = Math.max(...events.map((event) => event.last));
  const rules = [...new Set(events.map(({ rule }) => rule))];
  const { subject, lines } = accusation(source, rules);
  return [
    `Subject: Abuse report: ${subject} from ${source}`,
    '',
    `To the abuse contact of ${source},`,
    '',
    ...lines,
    'Every attempt was refused.',
    '',
    `Source:    ${source}`,
    ...(originText(origin) === '' ? [] : [`Network:   ${printable(originText(origin))}`]),
    `Attempts:  ${total}`,
    `First:     ${utc(first)}`,
    `Last:      ${utc(last)}`,
    '',
    'What was tried:',
    ...rules.map((rule) => {
      const { title, reference } = catalogue[rule] as Rule;
      return `  - ${title} (${reference})`;
    }),
    '',
    'Log: time in UTC, client, our listener, what was asked for, our answer.',
    ...events.slice(-listed).map(logLine),
    ...(events.length > listed ? [`  (the latest ${listed} of ${events.length} lines)`] : []),
    '',
    'Samples of the bytes received. What is not printable is escaped,',
    'credentials are redacted.',
    ...events
      .slice(-samples)
      .flatMap(({ first: time, bytes }) => ['', `  ${utc(time)}`, ...sampleLines(bytes)]),
    '',
    'All times are in UTC, by the clock of our server.',
    '',
    contact === '' ? '[your name and address for questions]' : `${org}\n${contact}`,
    '',
  ].join('\n');
}

function logLine({ first, client, listener, request, answer, count }: JournalEvent): string {
  const repeated = count > 1 ? ` (${count} times)` : '';
  const given = answer === 'drop' ? 'connection closed' : String(answer);
  return `  ${utc(first)}  ${client}  ${listener}  "${request.slice(0, 200)}"  ${given}${repeated}`;
}

const sampleLines = (bytes: string): string[] =>
  bytes
    .slice(0, 1500)
    .split('\\r\\n')
    .map((line) => `    ${line}`);

/** X-ARF version 4, category connection, type reconnaissance (https://xarf.org). Parameters as with `abuseReport`. */
export function xarf(
  source: string,
  events: readonly JournalEvent[],
  { org, contact }: Reporter,
  now: number,
): object {
  const last = events.at(-1)!;
  const rules = [...new Set(events.map(({ rule }) => rule))];
  const { subject, tag } = accusation(source, rules);
  const party = { org, contact, domain: contact.slice(contact.indexOf('@') + 1) };
  const [, host = '', port = ''] = /^\S+ \[?(.+?)\]?:(\d+)$/.exec(last.listener) ?? [];
  const answers = events.map(({ answer }) => answer).filter((answer) => typeof answer === 'number');
  return {
    xarf_version: '4.0.0',
    report_id: randomUUID(),
    timestamp: new Date(now).toISOString(),
    reporter: party,
    sender: party,
    source_identifier: source.replace(/\/(?:32|128)$/, ''),
    category: 'connection',
    type: 'reconnaissance',
    evidence_source: 'automated_scan',
    ...(host === '' || host === '0.0.0.0' ? {} : { destination_ip: host, destination_port: Number(port) }),
    protocol: 'tcp',
    first_seen: new Date(Math.min(...events.map(({ first }) => first))).toISOString(),
    last_seen: new Date(Math.max(...events.map((event) => event.last))).toISOString(),
    total_probes: events.reduce((sum, { count }) => sum + count, 0),
    probed_resources: [...new Set(events.map(({ destination, request }) => destination ?? request))].slice(
      -50,
    ),
    ...(answers.length === 0 ? {} : { response_codes: [...new Set(answers)] }),
    automated_tool: true,
    description: `${subject[0]!.toUpperCase()}${subject.slice(1)}: ${rules.join(', ')}.`,
    evidence: events.slice(-samples).map(({ bytes, first, client }) => ({
      content_type: 'text/plain',
      description: `Bytes received from ${client} at ${new Date(first).toISOString()}, escaped, credentials redacted`,
      payload: Buffer.from(bytes).toString('base64'),
    })),
    tags: [tag],
  };
}
