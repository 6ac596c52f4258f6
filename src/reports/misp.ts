/** Sightings as a MISP event (https://www.misp-standard.org/rfc/misp-standard-core.html), for import as JSON. */
import { randomUUID } from 'node:crypto';
import { activityOf, activityWords, type Reporter } from './journal-evidence.ts';
import type { Source } from './sources.ts';

/**
 * Unpublished, for the own organisation only, and not for intrusion detection: the importing analyst can change that.
 *
 * @param now milliseconds since the epoch
 */
export const mispEvent = (sources: readonly Source[], { org }: Reporter, now: number): object => ({
  Event: {
    uuid: randomUUID(),
    info: `Relay probes refused by ${org}`,
    date: new Date(now).toISOString().slice(0, 10),
    timestamp: seconds(now),
    // 3: low; 0: initial.
    threat_level_id: '3',
    analysis: '0',
    distribution: '0',
    published: false,
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
    timestamp: seconds(now),
    first_seen: new Date(first).toISOString(),
    last_seen: new Date(last).toISOString(),
    comment: `${activityWords[activityOf(rules)]}, refused: ${rules.join(', ')}; ${total} in all, the latest ${new Date(
      rows[0]!.first,
    ).toISOString()}${port}${to}`,
  };
}

const seconds = (time: number): string => String(Math.floor(time / 1000));
