/** Fields that are meant for proxies, and fields that would tell a backend another host or client. */
import { isClaim, isDisguised } from '../wire/claim-fields.ts';
import { strippedField } from '../wire/connection-options.ts';
import { is } from '../wire/field-names.ts';
import { listMembers, overrideHeaders, seen } from '../wire/header-facts.ts';
import { type ForeignName, foreignHostInForwarded, foreignHostInList, foreignHostInUrl } from './own-host.ts';
import type { Sightings } from './sightings.ts';

export function seeProxyHeaders(sightings: Sightings): void {
  const { rawHeaders, method } = sightings.request;
  const bits = sightings.facts.seen;
  const own = seen.proxyConnection | seen.proxyAuthorization | seen.maxForwards | seen.connectionOptions;
  if ((bits & own) === 0) return;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (is(name, 'proxy-connection'))
      sightings.seeHeader('proxy-connection', 'Proxy-Connection is present', i);
    else if (is(name, 'proxy-authorization'))
      sightings.seeHeader('proxy-authorization', 'Proxy-Authorization is present', i);
    else if (is(name, 'max-forwards') && (is(method, 'trace') || method === 'OPTIONS')) {
      sightings.seeByPage('trace', `Max-Forwards with ${method}`, sightings.inHeader(i));
    } else if (is(name, 'connection')) {
      const field = strippedField(listMembers(sightings.value(i)));
      if (field !== null) sightings.seeHeader('connection-strips', `Connection names ${field}`, i);
    }
  }
}

export function seeOverrides(sightings: Sightings): void {
  if ((sightings.facts.seen & seen.override) === 0) return;
  const { rawHeaders } = sightings.request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    // From a trusted proxy too: its own fields have no underscores, so one with underscores is the client's.
    const disguised = isDisguised(name);
    if (disguised || (!sightings.client.trusted && isClaim(name))) {
      sightings.strip.push(i);
      const why = disguised
        ? 'is another spelling of a field that is written here'
        : 'is for trusted proxies to write';
      sightings.seeHeader('host-override', `${rawHeaders[i]} ${why}`, i);
      continue;
    }
    if (sightings.client.trusted || !overrideHeaders.has(name)) continue;
    const foreign = foreignOverride(sightings, name, sightings.value(i));
    if (foreign === null) continue;
    sightings.strip.push(i);
    sightings.seeHeader(
      'host-override',
      `${rawHeaders[i]} names ${foreign.authority?.host ?? 'no host of ours'}`,
      i,
      foreign.start,
      foreign.end,
    );
    sightings.wantName(foreign, sightings.value(i));
  }
}

function foreignOverride(sightings: Sightings, name: string, value: string): ForeignName | null {
  const { sites } = sightings.policy;
  if (name === 'forwarded') return foreignHostInForwarded(sites, value);
  if (name.endsWith('url') || name === 'destination') return foreignHostInUrl(sites, value);
  return foreignHostInList(sites, value);
}
