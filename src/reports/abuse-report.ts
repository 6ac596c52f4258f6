/** The report to the abuse contact of a source, for people. */
import type { JournalEvent } from '../events/journal-query.ts';
import { printable } from '../events/redact.ts';
import { type Origin, originText } from '../geo/origin.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';
import {
  type Activity,
  activityOf,
  activityWords,
  allByDecoys,
  evidenceLine,
  type Reporter,
  summaryOf,
  utc,
} from './journal-evidence.ts';

const accusations: Readonly<Record<Activity, (source: string) => readonly string[]>> = {
  relay: (source) => [
    `${source} tried to use our server as an open relay.`,
    'The machine may be compromised, or used by somebody who looks for',
    'open proxies; please have a look at it.',
  ],
  'sign-in': (source) => [
    `${source} tried to sign in to our mail server, and failed.`,
    'Please have a look at it.',
  ],
  probe: (source) => [
    `${source} sent our server requests that no ordinary client sends.`,
    'It may be a scanner; please have a look at it.',
  ],
};

/** What the source is accused of, in lines of mail length. */
export const accusation = (source: string, events: readonly JournalEvent[]): readonly string[] => [
  ...accusations[activityOf(summaryOf(events).rules)](source),
  ...(allByDecoys(events) ? ['All of it came to ports on which we offer no service.'] : []),
];

/** Number of samples shown in full. */
export const samples = 5;
/** Number of lines in the log. */
export const listed = 50;

/**
 * @param source an address or prefix
 * @param events rows that `evidenceOf` returned, oldest first, at least one
 * @param origin of the source, so that the reporter can find the abuse contact
 */
export function abuseReport(
  source: string,
  events: readonly JournalEvent[],
  { org, contact }: Reporter,
  origin: Origin,
): string {
  const { total, first, last, rules } = summaryOf(events);
  const activity = activityOf(rules);
  return [
    `Subject: Abuse report: ${activityWords[activity]} from ${source}`,
    '',
    `To the abuse contact of ${source},`,
    '',
    ...accusation(source, events),
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
    'Log: time in UTC, source and port, our address and port, request, our answer.',
    ...events.slice(-listed).map((event) => `  ${evidenceLine(event)}`),
    ...(events.length > listed ? [`  (the latest ${listed} of ${events.length} lines)`] : []),
    '',
    'Samples of the bytes received. Unprintable bytes are escaped,',
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

const sampleLines = (bytes: string): string[] =>
  bytes
    .slice(0, 1500)
    .split('\\r\\n')
    .map((line) => `    ${line}`);
