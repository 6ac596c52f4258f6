/** A machine-readable report: X-ARF version 4, category connection, type reconnaissance or login_attack (https://xarf.org). */
import { createHash, randomUUID } from 'node:crypto';
import type { JournalEvent } from '../events/journal-query.ts';
import {
  type Activity,
  activityOf,
  activityWords,
  allByDecoys,
  bruteForceFrom,
  type Reporter,
  summaryOf,
  withPort,
} from './journal-evidence.ts';

/** Number of events whose bytes are included. */
const samples = 5;
/** Number of resources listed. */
const listed = 50;

const tags: Readonly<Record<Activity, string>> = {
  relay: 'activity:open_relay_probing',
  'sign-in': 'activity:password_guessing',
  probe: 'activity:probing',
};

/** Stands in for a missing contact: valid by the schema, but nobody's address (RFC 2606 section 2). */
const nobody = { contact: 'not-configured@reporter.invalid', domain: 'reporter.invalid' };

/**
 * @param source an address or prefix
 * @param events rows that `evidenceOf` returned, oldest first, at least one
 */
export function xarf(source: string, events: readonly JournalEvent[], { org, contact }: Reporter): object {
  const { total, first, last, rules } = summaryOf(events);
  const activity = activityOf(rules);
  const subject = activityWords[activity];
  const [, address, domain] = /([^\s<>@,;:"()]+@((?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+))>?$/.exec(contact) ?? [];
  const party = {
    org: org.slice(0, 200),
    ...(address === undefined ? nobody : { contact: address, domain }),
  };
  // Time, ports and addresses must be those of one connection: by them a carrier finds the subscriber (RFC 6302).
  const named = events.findLast(({ clientPort }) => clientPort != null) ?? events.at(-1)!;
  const { clientPort, localAddress, localPort } = named;
  const codes = [
    ...new Set(events.map(({ answer }) => answer).filter((answer) => typeof answer === 'number')),
  ];
  return {
    xarf_version: '4.0.0',
    report_id: randomUUID(),
    timestamp: iso(named.first),
    reporter: party,
    sender: party,
    source_identifier: source.replace(/\/(?:32|128)$/, ''),
    ...(clientPort == null || clientPort === 0 ? {} : { source_port: clientPort }),
    category: 'connection',
    type: activity === 'sign-in' && total >= bruteForceFrom ? 'login_attack' : 'reconnaissance',
    evidence_source: allByDecoys(events) ? 'honeypot' : 'firewall_logs',
    ...(localAddress == null ? {} : { destination_ip: localAddress }),
    ...(localPort == null || localPort === 0 ? {} : { destination_port: localPort }),
    protocol: 'tcp',
    first_seen: iso(first),
    last_seen: iso(last),
    total_probes: total,
    probed_resources: [...new Set(events.map(({ destination, request }) => destination ?? request))].slice(
      -listed,
    ),
    ...(codes.length === 0 ? {} : { response_codes: codes }),
    description: `${subject[0]!.toUpperCase()}${subject.slice(1)}: ${rules.join(', ')}.`.slice(0, 1000),
    evidence: events.slice(-samples).map((event) => {
      const payload = Buffer.from(event.bytes);
      return {
        content_type: 'text/plain',
        description:
          `Bytes received from ${withPort(event.client, event.clientPort)}` +
          `${event.localAddress == null ? '' : ` at ${withPort(event.localAddress, event.localPort)}`}` +
          `, ${iso(event.first)}, escaped, credentials redacted`,
        payload: payload.toString('base64'),
        hash: `sha256:${createHash('sha256').update(payload).digest('hex')}`,
        size: payload.length,
      };
    }),
    tags: [tags[activity]],
  };
}

const iso = (time: number): string => new Date(time).toISOString();
