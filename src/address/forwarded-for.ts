/**
 * The clients that proxies name: members of X-Forwarded-For and of Forwarded (RFC 7239), as balancers really write
 * them. Some write a port after the address, brackets or quotes around it, or `unknown`.
 */
import { parseIp, withoutZone } from './ip.ts';

/** The address in one member of X-Forwarded-For, or in a `for=` of Forwarded; null if it names none. */
export function forwardedAddress(member: string): string | null {
  let text = member.trim();
  if (text.length > longest) return null;
  if (text.startsWith('"') && text.endsWith('"') && text.length > 1) text = text.slice(1, -1).trim();
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (!port.test(text.slice(close + 1))) return null;
    text = text.slice(1, close);
    return text.includes(':') ? address(text) : null;
  }
  const colon = text.indexOf(':');
  // A single colon precedes a port; several belong to an IPv6 address without brackets, which can have no port.
  const alone = colon !== -1 && text.indexOf(':', colon + 1) === -1;
  if (alone && !port.test(text.slice(colon))) return null;
  return address(alone ? text.slice(0, colon) : text);
}

/** Longer than any address with its zone, brackets, quotes and port. */
const longest = 100;
const port = /^(?::(?:\d{1,5})?)?$/;

const address = (text: string): string | null => (parseIp(withoutZone(text)) === null ? null : text);

/** The members of X-Forwarded-For lines, in order. */
export const forwardedForMembers = (value: string): string[] => value.split(',');

/** The value of `for=` in each element of a Forwarded line, in order; empty if an element has none. */
export function forwardedMembers(value: string): string[] {
  return split(value, ',').map((element) => {
    const pair = split(element, ';').find((one) => /^\s*for\s*=/i.test(one));
    return pair === undefined ? '' : pair.slice(pair.indexOf('=') + 1);
  });
}

/** Splits at each separator outside quoted strings. */
function split(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') quoted = !quoted;
    else if (char === '\\' && quoted) at++;
    else if (char === separator && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
