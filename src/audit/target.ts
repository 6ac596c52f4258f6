/** The audited server: parses TARGET into name, ports and path, and resolves the name once. */
import { lookup } from 'node:dns/promises';
import { domainToASCII } from 'node:url';
import { parseIp } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { isMalformed, parseAuthority } from '../wire/authority.ts';

export interface Target {
  /** The host in ASCII, without port and brackets. */
  readonly name: string;
  /** Empty: the default list. */
  readonly ports: readonly number[];
  /** Path and query of a URL; null if there is only `/`. */
  readonly path: string | null;
}

/** The usual ports of web servers, proxies, SOCKS and mail. */
export const defaultPorts: readonly number[] = [80, 443, 8080, 3128, 8090, 1080, 25, 587, 465];

/** Audited addresses per name: a name of a large network may have many. */
export const mostAddresses = 8;

/** Invalid user input; the message says what is wrong, where, and the fix. */
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
 * Reads `HOST`, `HOST:PORT`, `HOST:PORT,PORT`, `[IPv6]:PORT`, or an http, https, smtp, smtps or socks5 URL. A URL without a port
 * gets its scheme's default.
 *
 * @param what the option named in messages
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
      throw wrong('a network', 'audit one server at a time: give one of its addresses');
    }
    if (rest !== null) throw wrong('a path without a scheme', `write http://${written}`);
    return { ...place(written, wrong), path: null };
  }
  const [, scheme = '', authority = '', path = ''] = url;
  const port = schemePorts[scheme.toLowerCase()];
  if (port === undefined) {
    throw wrong(`the scheme ${scheme}`, 'audit speaks http, https, socks5, smtp, smtps');
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
    // Ambiguous: `::1:8080` is a port on ::1, or the address 0:0:0:0:0:0:1:8080.
    const [, host = '', port = ''] = /^(.*):(\d{2,5})$/.exec(text) ?? [];
    if (parseIp(host)?.family === 6 && Number(port) <= 65_535) {
      throw wrong('ambiguous, the end may be a port', `write [${host}]:${port} or [${text}]`);
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
 * @param lists each a port, or several separated by commas
 * @param wrong makes the error for an invalid port
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
 * Every address of a name, IPv4 first. `localhost` gets both loopback addresses, whatever the hosts file says: a server may
 * relay on only one of them.
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

/** Whether an audit needs no proof of ownership: loopback and private addresses are the auditor's own network. */
export function isNear(address: string): boolean {
  const range = specialRange(address);
  return range === 'loopback' || range === 'private';
}

const unbracketed = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');
