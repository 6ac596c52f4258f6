/** What is sent to the abuse contact of a source: a text for people, and X-ARF for their programs. */
import { randomUUID } from 'node:crypto';
import type { JournalEvent } from '../events/journal-query.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';

export interface Reporter {
  /** Who reports: an organisation or the name of the machine. */
  readonly org: string;
  /** Mail address for questions; empty: to be filled in. */
  readonly contact: string;
}

/** Samples shown in full. */
const samples = 5;
/** Lines of the list. */
const listed = 50;

const utc = (time: number): string =>
  new Date(time)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

/**
 * @param source an address or prefix
 * @param events oldest first, one at least
 */
export function abuseReport(
  source: string,
  events: readonly JournalEvent[],
  { org, contact }: Reporter,
): string {
  const total = events.reduce((sum, { count }) => sum + count, 0);
  const first = Math.min(...events.map((event) => event.first));
  const last = Math.max(...events.map((event) => event.last));
  const rules = [...new Set(events.map(({ rule }) => rule))];
  return [
    `Subject: Abuse report: attempts to relay through our server from ${source}`,
    '',
    `To the abuse contact of ${source},`,
    '',
    // Lines as mail has them, whatever it is pasted into.
    `${source} tried to use our server as an open relay.`,
    became(events),
    'The machine is likely to be compromised, or used by somebody who looks',
    'for open proxies; please have a look at it.',
    '',
    `Source:    ${source}`,
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

/** What became of it: the truth, since somebody may lose a line over it. */
function became(events: readonly JournalEvent[]): string {
  const passed = events.reduce((sum, { action, count }) => sum + (action === 'block' ? 0 : count), 0);
  return passed === 0
    ? 'Every attempt was refused.'
    : `Nothing was relayed; ${passed} of the attempts were answered by our own server.`;
}

function logLine({ first, client, listener, request, answer, count }: JournalEvent): string {
  const repeated = count > 1 ? ` (${count} times)` : '';
  const given = answer === null ? 'flagged' : answer === 'drop' ? 'connection closed' : String(answer);
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
    description: `Attempts to use a server as an open relay: ${[...new Set(events.map(({ rule }) => rule))].join(', ')}.`,
    evidence: events.slice(-samples).map(({ bytes, first, client }) => ({
      content_type: 'text/plain',
      description: `Bytes received from ${client} at ${new Date(first).toISOString()}, escaped, credentials redacted`,
      payload: Buffer.from(bytes).toString('base64'),
    })),
    tags: ['activity:open_relay_probing'],
  };
}
