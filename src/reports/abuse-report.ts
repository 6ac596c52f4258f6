/** What is sent to the abuse contact of a source, for people. */
import type { JournalEvent } from '../events/journal-query.ts';
import { printable } from '../events/redact.ts';
import { type Origin, originText } from '../geo/origin.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';
import {
  allByDecoys,
  type Deed,
  deedOf,
  deedWords,
  evidenceLine,
  type Reporter,
  summed,
  utc,
} from './evidence.ts';

/** Lines of the accusation, as mail has them. */
export const accusation: Readonly<Record<Deed, (source: string) => readonly string[]>> = {
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
    `${source} sent our server what no ordinary client of it sends.`,
    'It may be a scanner; please have a look at it.',
  ],
};

/** Samples shown in full. */
export const samples = 5;
/** Lines of the list. */
export const listed = 50;

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
  const { total, first, last, rules } = summed(events);
  const deed = deedOf(rules);
  return [
    `Subject: Abuse report: ${deedWords[deed]} from ${source}`,
    '',
    `To the abuse contact of ${source},`,
    '',
    ...accusation[deed](source),
    ...(allByDecoys(events) ? ['It came to ports on which we offer nothing to anybody.'] : []),
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
    'Log: time in UTC, source with its port, our address with its port, what was',
    'asked for, our answer.',
    ...events.slice(-listed).map((event) => `  ${evidenceLine(event)}`),
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

const sampleLines = (bytes: string): string[] =>
  bytes
    .slice(0, 1500)
    .split('\\r\\n')
    .map((line) => `    ${line}`);
