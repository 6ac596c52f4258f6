/** The host that a request names outside its target: in the Host line, or in `:authority`. */
import { type Authority, isMalformed, parseAuthority } from '../wire/authority.ts';
import type { Evidence } from '../wire/evidence.ts';
import type { Sightings } from './sightings.ts';

/** The authority of the Host line, or of HTTP/2's :authority; null if none can be read. */
export function hostLine(sightings: Sightings): Authority | null {
  const { h2, version } = sightings.request;
  const { host, secondHost } = sightings.facts;
  if (secondHost !== -1) sightings.seeHeader('host-duplicate', 'a second Host line', secondHost);
  const line = host === -1 ? null : sightings.value(host);
  const comma = line === null ? -1 : line.indexOf(',');
  // A name may hold a comma (RFC 3986 section 3.2.2).
  if (comma !== -1)
    sightings.seeByPage(
      'host-duplicate',
      'a list of hosts in one Host line',
      sightings.inHeader(host, comma),
    );
  if (h2 !== undefined && h2.authority !== null) return pseudoAuthority(sightings, h2.authority, line);
  if (line === null || line === '') {
    if (version !== '1.0') {
      const what = line === null ? 'there is no Host line' : 'the Host line is empty';
      sightings.see(
        'host-missing',
        what,
        line === null
          ? { part: 'version', start: 0, end: version.length }
          : { part: 'header', header: host, start: 0, end: 0 },
      );
    }
    return null;
  }
  if (comma !== -1) return null;
  const authority = parseAuthority(line);
  if (isMalformed(authority)) {
    const where = sightings.inHeader(host, authority.at, Math.min(authority.at + 1, line.length));
    sightings.seeByPage('host-malformed', `${authority.malformed} in the Host line`, where);
    return null;
  }
  if (authority.userinfo !== null) {
    sightings.seeHeader(
      'host-malformed',
      'userinfo in the Host line',
      host,
      0,
      authority.userinfo.length + 1,
    );
    return null;
  }
  return authority;
}

function pseudoAuthority(sightings: Sightings, text: string, line: string | null): Authority | null {
  const at: Evidence = { part: 'target', start: 0, end: 0 };
  if (text === '') {
    sightings.see('host-missing', 'the :authority is empty', at);
    return null;
  }
  if (text.includes(',')) {
    sightings.seeByPage('host-duplicate', 'a list of hosts in :authority', at);
    return null;
  }
  const authority = parseAuthority(text);
  if (isMalformed(authority) || authority.userinfo !== null) {
    sightings.see(
      'host-malformed',
      isMalformed(authority) ? `${authority.malformed} in :authority` : 'userinfo in :authority',
      at,
      { unmeant: isMalformed(authority) && sightings.byBrowser },
    );
    return null;
  }
  if (line !== null) {
    const host = parseAuthority(line);
    const differs =
      isMalformed(host) ||
      host.userinfo !== null ||
      host.host !== authority.host ||
      host.port !== authority.port;
    if (differs)
      sightings.seeHeader(
        'authority-mismatch',
        `:authority says ${text}, host says ${line}`,
        sightings.facts.host,
      );
  }
  return authority;
}
