import { nearest, type Unreadable, unreadable } from './fault.ts';
import { canonicalHostText, parsePort } from './host-entry.ts';

/** A server that requests are forwarded to. Dialled addresses come from the config and nowhere else. */
export type BackendTarget =
  | {
      readonly kind: 'tcp';
      /** Canonical origin, always with its port: `http://127.0.0.1:8081`, `h2c://127.0.0.1:50051`. */
      readonly url: string;
      /** `h2c` and `h2`: HTTP/2, in the clear and over TLS. */
      readonly protocol: 'http' | 'https' | 'h2c' | 'h2';
      /** Name or address to connect to, IPv6 without brackets. */
      readonly host: string;
      readonly port: number;
    }
  | {
      readonly kind: 'unix';
      /** `unix:/run/app.sock`. */
      readonly url: string;
      /** Absolute path of the socket. */
      readonly path: string;
    }
  | {
      /** The built-in page. */
      readonly kind: 'welcome';
      readonly url: 'welcome';
    };

/** Reads a backend: `http://HOST[:PORT]`, `https://`, `h2c://`, `h2://`, `unix:/PATH` or `welcome`. */
export function parseBackend(text: string): BackendTarget | Unreadable {
  if (text === 'welcome') return { kind: 'welcome', url: 'welcome' };
  if (/^unix:/i.test(text)) {
    const path = text.slice(5).replace(/^\/\/(?=\/)/, '');
    if (!/^\/[^\0]*[^/\0]$/.test(path))
      return unreadable('names no socket', 'write an absolute path: unix:/run/app.sock');
    // sun_path of unix(7) holds 108 bytes with its closing zero; a longer path is cut and would name another socket.
    if (Buffer.byteLength(path) > 107)
      return unreadable('has a socket path above 107 bytes', 'move the socket to a shorter path');
    return { kind: 'unix', url: `unix:${path}`, path };
  }
  const parts = /^(https?|h2c?):\/\/([^/?#]*)(.*)$/is.exec(text);
  if (parts === null) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
      return unreadable(
        'has a scheme that is not supported',
        'write http://, https://, h2c://, h2:// or unix:',
      );
    return unreadable(
      'is not a backend URL',
      nearest(text, ['welcome']) !== undefined
        ? 'write welcome if that is meant'
        : `write http://${/^[\w.:[\]-]+$/.test(text) ? text : '127.0.0.1:8081'}, unix:/PATH or welcome`,
    );
  }
  const [, scheme = '', authority = '', rest = ''] = parts;
  const protocol = scheme.toLowerCase() as 'http' | 'https' | 'h2c' | 'h2';
  if (authority.includes('@'))
    return unreadable('holds userinfo', 'remove the part before the @: credentials are not sent to backends');
  if (rest !== '' && rest !== '/')
    return unreadable(
      /^\/?\?/.test(rest) ? 'holds a query' : rest.startsWith('#') ? 'holds a fragment' : 'holds a path',
      `write ${protocol}://${authority}: paths are passed on as they come`,
    );
  const [, hostText = '', portText] = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(authority) ?? [
    undefined,
    authority,
  ];
  const port =
    portText === undefined ? (protocol === 'http' || protocol === 'h2c' ? 80 : 443) : parsePort(portText);
  if (port === undefined)
    return unreadable(`has the port ${JSON.stringify(portText)}`, 'write a port from 1 to 65535');
  const host = canonicalHostText(hostText);
  if ('fix' in host)
    return unreadable(`has the host ${JSON.stringify(hostText)}, which ${host.message}`, host.fix);
  return {
    kind: 'tcp',
    url: `${protocol}://${host.host}:${port}`,
    protocol,
    host: host.host.replace(/^\[|\]$/g, ''),
    port,
  };
}
