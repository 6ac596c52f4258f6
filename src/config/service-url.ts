/** The services that alerts and traces are sent to. Besides backends and Valkey, nothing else is ever dialled. */
import { type Unreadable, unreadable } from './fault.ts';
import { parsePort } from './host-entry.ts';

/** A syslog server. */
export interface SyslogTarget {
  readonly transport: 'udp' | 'tcp' | 'tls';
  /** Name or address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const defaultPort = { udp: 514, tcp: 601, tls: 6514 } as const;

/** Reads `udp://HOST[:PORT]`, `tcp://HOST[:PORT]` or `tls://HOST[:PORT]`. */
export function parseSyslogTarget(text: string): SyslogTarget | Unreadable {
  const parts = /^(udp|tcp|tls):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d+))?\/?$/.exec(text);
  if (parts === null)
    return unreadable('is not a syslog server', 'write udp://HOST:514, tcp://HOST:601 or tls://HOST:6514');
  const [, transport = '', host = '', portText] = parts;
  const name = transport as SyslogTarget['transport'];
  const port = portText === undefined ? defaultPort[name] : parsePort(portText);
  if (port === undefined)
    return unreadable(`has the port ${JSON.stringify(portText)}`, 'write a port from 1 to 65535');
  return { transport: name, host: host.replace(/^\[|\]$/g, ''), port };
}

/** Reads the URL of an HTTP service. */
export const parseHttpService = (text: string): URL | Unreadable =>
  readUrl(text, ['http:', 'https:'], 'write http://HOST/PATH or https://HOST/PATH');

/** Reads `smtp://[USER:PASSWORD@]HOST[:PORT]`, or `smtps://` for TLS from the first byte. */
export const parseSmarthost = (text: string): URL | Unreadable =>
  readUrl(text, ['smtp:', 'smtps:'], 'write smtp://HOST:PORT or smtps://USER:PASSWORD@HOST:PORT');

function readUrl(text: string, schemes: readonly string[], fix: string): URL | Unreadable {
  const url = URL.parse(text);
  if (url === null || url.hostname === '') return unreadable('is not a URL', fix);
  return schemes.includes(url.protocol) ? url : unreadable(`has the scheme ${url.protocol}`, fix);
}
