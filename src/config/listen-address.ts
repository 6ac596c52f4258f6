import { parseIp, unmapped } from '../address/ip.ts';
import { type Unreadable, unreadable } from './fault.ts';

/** The address and port that a listener binds to. */
export interface ListenAddress {
  /** Canonical IPv4 or IPv6 address, without brackets: as `net.Server#listen` takes it. */
  readonly host: string;
  readonly family: 4 | 6;
  /** 0 lets the system choose a free one. */
  readonly port: number;
  /** `127.0.0.1:8080`, `[::]:8080`. */
  readonly text: string;
}

/** Reads `ADDR:PORT`, IPv6 in brackets. */
export function parseListenAddress(text: string): ListenAddress | Unreadable {
  const parts = /^(?:\[([^\]]*)\]|([^:]*)):(.*)$/s.exec(text);
  if (parts === null) {
    if (/^\d+$/.test(text))
      return unreadable(
        'is a port without an address',
        `write 127.0.0.1:${text}, or 0.0.0.0:${text} for every network`,
      );
    return unreadable('is not an address and port', 'write ADDR:PORT such as 127.0.0.1:8080 or "[::]:8080"');
  }
  const [, ipv6, ipv4, portText = ''] = parts;
  const address = ipv6 ?? ipv4 ?? '';
  const ip = parseIp(address);
  if (ip === null || (ip.family === 6) !== (ipv6 !== undefined)) {
    if (ipv6 === undefined && text.split(':').length > 2)
      return unreadable('is not an address and port', 'put brackets around IPv6: "[::1]:8080"');
    if (/^(?:\*|)$/.test(address))
      return unreadable('names no address', `write 0.0.0.0:${portText} for every network`);
    if (address === 'localhost')
      return unreadable('is a name, and a listener needs an address', `write 127.0.0.1:${portText}`);
    if (ip?.family === 4) return unreadable('has brackets around IPv4', `write ${address}:${portText}`);
    return unreadable(
      'has no IP address before its port',
      'write an IP address: a listener binds to no name',
    );
  }
  const port = portText === '0' ? 0 : /^[1-9]\d{0,4}$/.test(portText) ? Number(portText) : 65536;
  if (port > 65535)
    return unreadable(
      `has the port ${JSON.stringify(portText)}`,
      'write a port from 1 to 65535, or 0 for a free one',
    );
  const bound = unmapped(ip);
  return {
    host: bound.text,
    family: bound.family,
    port,
    text: bound.family === 4 ? `${bound.text}:${port}` : `[${bound.text}]:${port}`,
  };
}

const unspecified = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** Whether the second of two listeners would find its port taken. `::` also takes the IPv4 port. */
export function collides(a: ListenAddress, b: ListenAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  if (a.host === b.host || a.host === '::' || b.host === '::') return true;
  return a.family === b.family && (unspecified(a.host) || unspecified(b.host));
}

/** Whether a connection to the host and port reaches the listener. Names other than `localhost` are not looked up. */
export function reaches(listener: ListenAddress, host: string, port: number): boolean {
  if (port !== listener.port) return false;
  const ip = host === 'localhost' ? null : parseIp(host);
  if (ip === null && host !== 'localhost') return false;
  const target = ip === null ? null : unmapped(ip);
  const loopback =
    target === null || target.text === '::1' || target.text.startsWith('127.') || unspecified(target.text);
  if (!loopback) return target.text === listener.host;
  if (target === null)
    return unspecified(listener.host) || listener.host === '127.0.0.1' || listener.host === '::1';
  if (unspecified(listener.host)) return listener.host === '::' || target.family === 4;
  if (unspecified(target.text))
    return target.family === 4 ? listener.host === '127.0.0.1' : listener.host === '::1';
  return target.text === listener.host;
}
