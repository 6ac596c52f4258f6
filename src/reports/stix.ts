/** Sightings as a STIX 2.1 bundle (https://docs.oasis-open.org/cti/stix/v2.1/) that claims only what was observed. */
import { createHash, randomUUID } from 'node:crypto';
import type { JournalRow } from '../events/journal-query.ts';
import { activityOf, activityWords, type Reporter } from './journal-evidence.ts';
import { serviceName } from './service-names.ts';
import type { Source } from './sources.ts';

/** The UUID namespace for cyber-observables (section 2.9). */
const namespace = Buffer.from('00abedb4aa42466c9c01fed23315a9b7', 'hex');
/** The maximum of `number_observed` (section 4.14). */
const mostObserved = 999_999_999;

/** @param now milliseconds since the epoch */
export function stixBundle(sources: readonly Source[], { org }: Reporter, now: number): object {
  const made = iso(now);
  const reporter = {
    ...common('identity', made),
    name: org,
    identity_class: 'system',
  };
  const objects = new Map<string, object>([[reporter.id, reporter]]);
  for (const source of sources)
    for (const object of objectsOf(source, reporter.id, made)) objects.set(object.id, object);
  return { type: 'bundle', id: `bundle--${randomUUID()}`, objects: [...objects.values()] };
}

type Identified = { readonly id: string };

/** The address, its newest connections, the observation, and an indicator with a pattern to recognise the address. */
function objectsOf(source: Source, reporter: string, made: string): Identified[] {
  const { address, rows, rules, total, first, last } = source;
  const kind = address.includes(':') ? 'ipv6-addr' : 'ipv4-addr';
  const from = observable(kind, { value: address });
  const observed: Identified[] = [from];
  for (const row of rows) observed.push(...connectionOf(row, from.id, kind));
  const description = `${activityWords[activityOf(rules)]}, refused: ${rules.join(', ')}`;
  const by = { created_by_ref: reporter };
  const data = {
    ...common('observed-data', made),
    ...by,
    first_observed: iso(first),
    last_observed: iso(last),
    number_observed: Math.min(total, mostObserved),
    object_refs: [...new Set(observed.map(({ id }) => id))],
  };
  const indicator = {
    ...common('indicator', made),
    ...by,
    name: `${address}: ${activityWords[activityOf(rules)]}`,
    description,
    // Addresses are reassigned: the next holder must not be called malicious.
    indicator_types: ['anomalous-activity'],
    pattern: `[${kind}:value = '${address}']`,
    pattern_type: 'stix',
    pattern_version: '2.1',
    valid_from: iso(first),
    valid_until: iso(last + 30 * 86_400_000),
  };
  const basedOn = {
    ...common('relationship', made),
    ...by,
    relationship_type: 'based-on',
    source_ref: indicator.id,
    target_ref: data.id,
  };
  return [...observed, data, indicator, basedOn];
}

/** The connection with both ports, by which a carrier finds the subscriber (RFC 6302); empty if a port is unknown. */
function connectionOf(row: JournalRow, from: string, kind: string): Identified[] {
  const { clientPort, localAddress, localPort, protocol, first } = row;
  if (clientPort == null || localAddress == null || localPort == null) return [];
  const to = observable(localAddress.includes(':') ? 'ipv6-addr' : 'ipv4-addr', { value: localAddress });
  const network = kind === 'ipv6-addr' ? 'ipv6' : 'ipv4';
  const spoken = serviceName(protocol);
  const traffic = observable('network-traffic', {
    start: iso(first),
    src_ref: from,
    dst_ref: to.id,
    src_port: clientPort,
    dst_port: localPort,
    protocols: [network, 'tcp', ...(spoken === null ? [] : [spoken])],
  });
  return [to, traffic];
}

const common = <Type extends string>(type: Type, made: string) => ({
  type,
  spec_version: '2.1',
  id: `${type}--${randomUUID()}`,
  created: made,
  modified: made,
});

/** A cyber-observable: the same content has the same identifier everywhere (UUID version 5 of its canonical JSON, RFC 8785). */
function observable(type: string, content: Readonly<Record<string, unknown>>): Identified {
  const canonical = JSON.stringify(
    Object.fromEntries(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
  const hash = createHash('sha1').update(namespace).update(canonical).digest().subarray(0, 16);
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  const made = { type, spec_version: '2.1', id: `${type}--${uuid}`, ...content };
  return made;
}

const iso = (time: number): string => new Date(time).toISOString();
