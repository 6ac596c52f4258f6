/** Sightings as a MISP event (https://www.misp-standard.org/rfc/misp-standard-core.html), for import as JSON. */
import { randomUUID } from 'node:crypto';
import { activityOf, activityWords, type Reporter } from './journal-evidence.ts';
import type { Source } from './sources.ts';

/**
 * Unpublished, for the own organisation only, and not for intrusion detection: the importing analyst can change that. The numbers of the event and of
 * its organisations are those of the importing instance; MISP refuses an event with the number of another organisation.
 *
 * @param now milliseconds since the epoch
 */
export const mispEvent = (sources: readonly Source[], { org }: Reporter, now: number): object => ({
  Event: {
    uuid: randomUUID(),
    // At most 256 characters on one line (section 2.2.1.4).
    info: `Relay probes refused by ${org}`.replace(/\s+/g, ' ').slice(0, 256),
    date: new Date(now).toISOString().slice(0, 10),
    timestamp: seconds(now),
    // Never published.
    publish_timestamp: '0',
    // 3: low; 0: initial.
    threat_level_id: '3',
    analysis: '0',
    distribution: '0',
    sharing_group_id: '0',
    published: false,
    attribute_count: String(sources.length),
    Attribute: sources.map((source) => attributeOf(source, now)),
    Tag: [{ name: 'tlp:amber' }],
  },
});

function attributeOf({ address, rules, rows, total, first, last }: Source, now: number): object {
  const { clientPort, localPort } = rows[0]!;
  const port = clientPort == null ? '' : `, source port ${clientPort}`;
  const to = localPort == null ? '' : `, TCP port ${localPort}`;
  return {
    uuid: randomUUID(),
    type: 'ip-src',
    category: 'Network activity',
    value: address,
    to_ids: false,
    // 5: inherits the distribution of the event.
    distribution: '5',
    sharing_group_id: '0',
    deleted: false,
    timestamp: seconds(now),
    first_seen: new Date(first).toISOString(),
    last_seen: new Date(last).toISOString(),
    comment: `${activityWords[activityOf(rules)]}, refused: ${rules.join(', ')}; ${total} in all, the latest ${new Date(
      rows[0]!.first,
    ).toISOString()}${port}${to}`,
  };
}

const seconds = (time: number): string => String(Math.floor(time / 1000));
