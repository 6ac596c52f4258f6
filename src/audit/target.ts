/** What is to be audited, as people write it → a name, ports and a path; and a name → its addresses, once. */
import { lookup } from 'node:dns/promises';
import { domainToASCII } from 'node:url';
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { isMalformed, parseAuthority } from '../wire/authority.ts';

export interface Target {
  /** As given, in ASCII, without port and brackets. */
  readonly name: string;
  /** Empty: the default list. */
  readonly ports: readonly number[];
  /** Path and query of a URL; null where there is none beyond `/`. */
  readonly path: string | null;
}

/** Web, proxy, SOCKS and mail: where relays are looked for. */
export const defaultPorts: readonly number[] = [80, 443, 8080, 3128, 8090, 1080, 25, 587, 465];

/** Addresses of one name that are audited: a name of a large network may have many. */
export const mostAddresses = 8;

/** Bad input of the person who called; the message says what, where and the fix. */
export class AuditInputError extends Error {
  override readonly name = 'AuditInputError';
}

const schemePorts: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
  smtp: 25,
  smtps: 465,
  submission: 587,
  socks: 1080,
  socks4: 1080,
  socks5: 1080,
  proxy: 3128,
};

const forms = 'give HOST, HOST:PORT, HOST:PORT,PORT, [IPv6]:PORT or a URL';

/**
 * Reads `HOST`, `HOST:PORT`, `HOST:PORT,PORT`, `[IPv6]:PORT`, or a URL of http, https, smtp, smtps or socks5. The port of a
 * URL is the one that its scheme has.
 *
 * @param what names the option in messages
 * @throws AuditInputError
 */
export function parseTarget(text: string, what = 'TARGET'): Target {
  const wrong = (why: string, fix = forms): AuditInputError =>
    new AuditInputError(`${what} ${JSON.stringify(text)}: ${why}; ${fix}`);
  const written = text.trim();
  const url = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\\]*)([^#]*)/i.exec(written);
  if (url === null) {
    const rest = /[/?#\\]/.exec(written);
    if (rest !== null && /^\d+(\.\d+){3}\/\d+$|:.*\/\d+$/.test(written)) {
      throw wrong('a network', 'one server at a time is audited: give an address of it');
    }
    if (rest !== null) throw wrong('a path without a scheme', `write http://${written}`);
    return { ...place(written, wrong), path: null };
  }
  const [, scheme = '', authority = '', path = ''] = url;
  const port = schemePorts[scheme.toLowerCase()];
  if (port === undefined) {
    throw wrong(`the scheme ${scheme}`, 'web, SOCKS and mail are audited: http, https, socks5, smtp, smtps');
  }
  const { name, ports } = place(authority, wrong);
  return {
    name,
    ports: ports.length === 0 ? [port] : ports,
    path: /^(?:[/\\]?)$/.test(path) ? null : path.startsWith('/') ? path : `/${path}`,
  };
}

function place(
  text: string,
  wrong: (why: string, fix?: string) => AuditInputError,
): Pick<Target, 'name' | 'ports'> {
  if (text === '') throw wrong('an empty host');
  if (text.includes('@'))
    throw wrong('a user name before the host', `give the host alone: ${text.slice(text.indexOf('@') + 1)}`);
  const bare = parseIp(text);
  if (bare?.family === 6 && !text.startsWith('[')) {
    // Two readings, of which one is a port: `::1:8080` is the address 0:0:0:0:0:0:1:8080 as it stands.
    const [, host = '', port = ''] = /^(.*):(\d{2,5})$/.exec(text) ?? [];
    if (parseIp(host)?.family === 6 && Number(port) <= 65_535) {
      throw wrong('an address or a port at its end?', `write [${host}]:${port} or [${text}]`);
    }
    return { name: bare.text, ports: [] };
  }
  const [, host = text, list] = /^(\[[^\]]*\]|[^[:]*)(?::(.*))?$/.exec(text) ?? [];
  const ports =
    list === undefined ? [] : parsePorts([list], (port) => wrong(`${JSON.stringify(port)} is no port`));
  const ascii = /^[\x21-\x7e]*$/.test(host) ? host : domainToASCII(host);
  if (ascii === '') throw wrong('no host name');
  const authority = parseAuthority(ascii);
  if (isMalformed(authority)) throw wrong(`${authority.malformed} at character ${authority.at + 1}`);
  return { name: unbracketed(authority.host), ports };
}

/**
 * @param lists each a port, or several with commas
 * @param wrong what is thrown for one that is none
 * @throws AuditInputError
 */
export function parsePorts(
  lists: readonly string[],
  wrong = (port: string): AuditInputError =>
    new AuditInputError(`--port ${JSON.stringify(port)} is no port: give numbers from 1 to 65535`),
): number[] {
  const ports = lists.flatMap((list) => list.split(',')).map((port) => port.trim());
  for (const port of ports) if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) throw wrong(port);
  return [...new Set(ports.map(Number))];
}

/**
 * Every address of a name, IPv4 first. `localhost` has both loopbacks, whatever the hosts file says: a server may be open
 * at one of them alone.
 *
 * @throws AuditInputError
 */
export async function addressesOf(name: string): Promise<readonly string[]> {
  const ip = parseIp(name);
  if (ip !== null) return [ip.text];
  const local = /^(?:.*\.)?localhost$/i.test(name) ? ['127.0.0.1', '::1'] : [];
  try {
    const found = await lookup(name, { all: true, order: 'ipv4first' });
    return [...new Set([...found.map(({ address }) => address), ...local])];
  } catch (cause) {
    if (local.length > 0) return local;
    throw new AuditInputError(`${name} has no address (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** Loopback and private addresses are the auditor's own house; everything else must prove that it is. */
export function isNear(address: string): boolean {
  const range = specialRange(address);
  return range === 'loopback' || range === 'private';
}

export const unbracketed = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');
