import { domainToASCII, domainToUnicode } from 'node:url';
import ipaddr from 'ipaddr.js';
import { parseIp } from '../address/ip.ts';
import { type Unreadable, unreadable } from './fault.ts';

/** A host as the wire's canonical form spells it: lower case, A-labels, IPv6 in brackets (RFC 5952). */
export interface CanonicalHost {
  readonly host: string;
  readonly kind: 'name' | 'ipv4' | 'ipv6';
}

/** One entry of `sites[].hosts`. */
export interface HostEntry extends CanonicalHost {
  /** Canonical; for a wildcard, `*.` and the canonical name above it. */
  readonly host: string;
  readonly wildcard: boolean;
  /** A port served besides those of the listeners; `any`; null if the entry names none. */
  readonly port: number | 'any' | null;
}

/** Reads a host entry: a name, `*.name`, an IPv4 or a bracketed IPv6 address, optionally with `:port` or `:*`. */
export function parseHostEntry(text: string): HostEntry | Unreadable {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const rest = text.replace(/^[^:]+:\/\//, '').replace(/[/?#].*$/s, '');
    return unreadable('is a URL, not a host', `write ${rest === '' ? 'the host alone' : rest}`);
  }
  if (parseIp(text)?.family === 6)
    return unreadable('is an IPv6 address without brackets', `write "[${text}]"`);
  const parts = /^(\[[^\]]*\]|[^:[\]]*)(?::(.*))?$/s.exec(text);
  if (parts === null)
    return unreadable('is not a host', 'write a name such as www.example.net, or an address');
  const [, name = '', portText] = parts;
  const port = portText === undefined ? null : portText === '*' ? 'any' : parsePort(portText);
  if (port === undefined)
    return unreadable(
      `has the port ${JSON.stringify(portText)}`,
      'write a port from 1 to 65535, or * for any',
    );
  if (name === '*')
    return unreadable(
      'would own every host, as an open proxy does',
      'name the hosts, or the domain: "*.example.net"',
    );
  const wildcard = name.startsWith('*.');
  const host = canonicalHostText(wildcard ? name.slice(2) : name);
  if ('fix' in host) return host;
  if (!wildcard) return { ...host, wildcard, port };
  if (host.kind !== 'name') return unreadable('is a wildcard before an address', `write ${host.host} alone`);
  return { host: `*.${host.host}`, kind: 'name', wildcard, port };
}

/** A port from 1 to 65535 in plain digits; undefined for any other text. */
export function parsePort(text: string): number | undefined {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined;
}

/** Reads a host in Unicode text, with brackets around IPv6 and without a port. */
export function canonicalHostText(text: string): CanonicalHost | Unreadable {
  if (text === '') return unreadable('names no host', 'write a name such as www.example.net, or an address');
  if (text.startsWith('[')) {
    const inside = text.slice(1, -1);
    if (!text.endsWith(']') || parseIp(inside)?.family !== 6)
      return unreadable(
        'is not an IPv6 address in brackets',
        'write it such as "[2001:db8::1]", without a zone',
      );
    return { host: `[${ipaddr.IPv6.parse(inside).toRFC5952String()}]`, kind: 'ipv6' };
  }
  if (parseIp(text)?.family === 4) return { host: text, kind: 'ipv4' };
  if (/[/?#\\]/.test(text))
    return unreadable('holds a path', `write ${text.replace(/[/?#\\].*$/s, '') || 'the host'} alone`);
  if (text.includes('@'))
    return unreadable('holds userinfo', `write ${text.slice(text.lastIndexOf('@') + 1) || 'the host'} alone`);
  if (text.includes('*'))
    return unreadable(
      'has a * that is not its whole first label',
      'write "*.example.net": one * and a dot at the start',
    );
  if (/[\s\p{C}]/u.test(text)) return unreadable('holds a space or a control character', 'remove it');
  if (text.endsWith('.'))
    return unreadable('ends in a dot', `write ${text.replace(/\.+$/, '')}: both spellings are then served`);
  return /^[\x21-\x7e]+$/.test(text) ? asciiName(text.toLowerCase()) : unicodeName(text);
}

/** Names that a URL parser turns into an IPv4 address (WHATWG URL, "ends in a number"): `127.1`, `0x7f.1`, `1.2.3.256`. */
const endsInNumber = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/;
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

function asciiName(name: string): CanonicalHost | Unreadable {
  if (endsInNumber.test(name))
    return unreadable(
      'is an IPv4 address to some and a name to others',
      'write four decimal numbers without leading zeros',
    );
  const bad = name.split('.').find((part) => !label.test(part));
  if (bad === '') return unreadable('has an empty label', 'remove the extra dot');
  if (bad !== undefined)
    return unreadable(
      `has the label ${JSON.stringify(bad)}, which no host name has`,
      'use letters, digits and inner hyphens, 63 at most',
    );
  if (name.length > 253) return unreadable('is longer than 253 characters', 'write a shorter name');
  return { host: name, kind: 'name' };
}

/**
 * U-labels → A-labels. A text that is not in the normal form of its A-label is refused: full-width letters and
 * ideographic full stops map to some other name (UTS #46), and a config must not own a name that it does not show.
 */
function unicodeName(text: string): CanonicalHost | Unreadable {
  const ascii = domainToASCII(text);
  if (ascii === '')
    return unreadable('has characters that no host name can have', 'write the name in normal letters');
  const normal = domainToUnicode(ascii);
  if (normal !== text.toLowerCase() || /^[\x21-\x7e]+$/.test(normal))
    return unreadable('is not the normal form of a name', `write ${normal} if that is the name`);
  return asciiName(ascii);
}
