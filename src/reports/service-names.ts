/** Names of protocols for other programs: the service names of IANA (RFC 6335), where the protocol has one. */

const registered: Readonly<Record<string, string>> = {
  h2: 'http',
  socks4: 'socks',
  socks5: 'socks',
  rdp: 'ms-wbt-server',
  'iso transport': 'iso-tsap',
  smb: 'microsoft-ds',
  'ms-rpc': 'epmap',
  'sql server': 'ms-sql-s',
  'java rmi': 'rmiregistry',
  giop: 'corba-iiop',
  dns: 'domain',
  vnc: 'rfb',
  memcached: 'memcache',
  'telnet proxy': 'telnet',
};

/** Bytes of no known protocol, and the banner of a scanner. */
const none = new Set(['unknown', 'magellan']);

/** @param protocol as in events. @returns null: it names no protocol */
export function serviceName(protocol: string | null | undefined): string | null {
  if (protocol == null || none.has(protocol)) return null;
  if (protocol.startsWith('http/')) return 'http';
  return registered[protocol] ?? protocol.replace(/ /g, '-');
}
