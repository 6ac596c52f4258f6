/**
 * Addresses and prefixes in their canonical spelling. Strict on purpose: `127.1`, `0177.0.0.1` and `2130706433` are addresses
 * to some resolvers and names to others, so they are refused here.
 */
import ipaddr from 'ipaddr.js';
import { embeddedIpv4 } from './embedded-ipv4.ts';
import { prefixKey, prefixKeyText, readPlainIpv6, readPrefixKey } from './prefix-key.ts';

export interface Ip {
  readonly family: 4 | 6;
  /** Dotted quad, or the spelling of RFC 5952 section 4, without brackets and without a zone. */
  readonly text: string;
  /** 4 or 16 numbers, network order. */
  readonly bytes: readonly number[];
}

export interface Prefix extends Ip {
  /** Bits that count, 0 to 32 or 128. */
  readonly length: number;
}

/** Four decimal numbers up to 255, without leading zeros: `inet_aton()` reads those as octal. */
const dottedQuad = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
export const isDottedQuad = (text: string): boolean => dottedQuad.test(text);

const ipv6Alphabet = /^[0-9A-Fa-f:.]{2,45}$/;

/** A strict dotted quad as one number, so that client addresses can be looked up without an object; -1 for any other text. */
export function ipv4Number(text: string): number {
  if (!dottedQuad.test(text)) return -1;
  let number = 0;
  let part = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2e) {
      number = number * 256 + part;
      part = 0;
    } else part = part * 10 + code - 0x30;
  }
  return number * 256 + part;
}

/** Reads a strict IPv4 or IPv6 address: no zone, no brackets, no leading zeros in IPv4. Null for any other text. */
export function parseIp(text: string): Ip | null {
  const number = ipv4Number(text);
  if (number !== -1)
    return {
      family: 4,
      text,
      bytes: [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255],
    };
  if (!text.includes(':') || !ipv6Alphabet.test(text)) return null;
  const native = withoutDottedTail(text);
  if (native === null || !ipaddr.IPv6.isValid(native)) return null;
  return ipv6(ipaddr.IPv6.parse(native).toByteArray());
}

const ipv4 = (bytes: readonly number[]): Ip => ({ family: 4, text: bytes.join('.'), bytes });

const ipv6 = (bytes: readonly number[]): Ip => ({
  family: 6,
  text: new ipaddr.IPv6([...bytes]).toRFC5952String(),
  bytes,
});

/** `::ffff:192.0.2.1` → `::ffff:c000:201`; null if the tail is no dotted quad (ipaddr.js would read octal). */
function withoutDottedTail(text: string): string | null {
  if (!text.includes('.')) return text;
  const cut = text.lastIndexOf(':') + 1;
  const tail = text.slice(cut);
  if (!dottedQuad.test(tail)) return null;
  const [a, b, c, d] = tail.split('.').map(Number) as [number, number, number, number];
  return `${text.slice(0, cut)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

const mappedHead = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2), by which dual-stack sockets name IPv4 peers → the IPv4 address. */
export function unmapped(ip: Ip): Ip {
  if (ip.family === 4 || !mappedHead.every((byte, index) => ip.bytes[index] === byte)) return ip;
  return ipv4(ip.bytes.slice(12));
}

/**
 * Reads `ADDRESS/BITS`, or a bare address as the prefix of itself; IPv4-mapped prefixes of 96 bits and more become IPv4.
 * Null if it is neither, and if bits after the prefix are set: `10.0.0.1/8` is a mistake, and widening it
 * silently would trust or ban sixteen million addresses. `maskedPrefix` gives the prefix that was probably meant.
 */
export function parsePrefix(text: string): Prefix | null {
  const prefix = readPrefix(text);
  return prefix === null || prefix.bytes.some((byte, index) => byte !== masked(prefix, index))
    ? null
    : fold(prefix);
}

/** The prefix with the bits after it cleared: the fix for `10.0.0.1/8`. Null if the text is no prefix at all. */
export function maskedPrefix(text: string): string | null {
  const prefix = readPrefix(text);
  return prefix === null ? null : prefixText(mask(prefix, prefix.length));
}

export const prefixText = (prefix: Prefix): string => `${prefix.text}/${prefix.length}`;

function readPrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  const ip = parseIp(slash === -1 ? text : text.slice(0, slash));
  if (ip === null) return null;
  const bits = ip.bytes.length * 8;
  if (slash === -1) return { ...ip, length: bits };
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > bits) return null;
  return { ...ip, length: Number(digits) };
}

function masked({ bytes, length }: Prefix, index: number): number {
  const bits = Math.min(8, Math.max(0, length - index * 8));
  return bytes[index]! & (0xff00 >> bits) & 0xff;
}

function mask(ip: Ip, length: number): Prefix {
  const bytes = ip.bytes.map((_, index) => masked({ ...ip, length }, index));
  return { ...(ip.family === 4 ? ipv4(bytes) : ipv6(bytes)), length };
}

function fold(prefix: Prefix): Prefix {
  const ip = prefix.length >= 96 ? unmapped(prefix) : prefix;
  return ip.family === 4 && prefix.family === 6 ? { ...ip, length: prefix.length - 96 } : prefix;
}

/**
 * The IPv4 address that an IPv6 address stands for: mapped (RFC 4291 section 2.5.5.2), NAT64, 6to4 or Teredo; any other address itself.
 * Counted by their /64, all clients behind a NAT64 would be one client, and one 6to4 client would be 65,536.
 */
export function counted(ip: Ip): Ip {
  if (ip.family === 4) return ip;
  const embedded = embeddedIpv4(ip.bytes);
  return embedded === null ? unmapped(ip) : ipv4(embedded.bytes);
}

/**
 * The prefix by which a client is counted and banned: a single IPv4 address (`192.0.2.1/32`), or the IPv6 /64 that one
 * customer gets and can rotate through. IPv6 addresses that embed IPv4 count as that; zones (`fe80::1%eth0`) are cut off.
 * Null if the text is no address.
 */
export function clientPrefix(address: string): string | null {
  if (dottedQuad.test(address)) return inOnePiece(`${address}/32`);
  if (readPlainIpv6(address, key)) return inOnePiece(prefixKeyText(key));
  const ip = parseIp(withoutZone(address));
  if (ip === null) return null;
  const client = counted(ip);
  return inOnePiece(client.family === 4 ? `${client.text}/32` : prefixText(mask(client, 64)));
}

const key = prefixKey();

export interface EmbeddedPrefix {
  /** The IPv4 prefix; its length is 0 if the IPv6 prefix ends before the IPv4 address. */
  readonly prefix: Prefix;
  /** NAT64, 6to4 or Teredo. */
  readonly by: string;
}

/** The IPv4 prefix as which the clients of an IPv6 prefix are counted; null if they count by their own addresses. */
export function embeddedPrefix({ family, bytes, length }: Prefix): EmbeddedPrefix | null {
  const embedded = family === 4 ? null : embeddedIpv4(bytes, length);
  if (embedded === null) return null;
  return { prefix: { ...ipv4(embedded.bytes), length: embedded.length }, by: embedded.by };
}

/** Widens a prefix of `clientPrefix`. @param length 32 to 64; IPv4 is not changed */
export function widenedPrefix(prefix: string, length: number): string {
  if (!readPrefixKey(prefix, key) || key.family === 4 || key.length <= length) return prefix;
  key.length = length;
  key.low = length === 32 ? 0 : (key.low & (-1 << (64 - length))) >>> 0;
  return inOnePiece(prefixKeyText(key));
}

/** Roughly the network of one customer of a provider: the IPv4 /24 or the IPv6 /48. Null if the text is no prefix. */
export function networkPrefix(prefix: string): string | null {
  const ip = parseIp(prefix.split('/', 1)[0]!);
  return ip === null ? null : prefixText(mask(ip, ip.family === 4 ? 24 : 48));
}

/** V8 copies a concatenated string on its first read. Reading it here does that once, not on each request. */
function inOnePiece(text: string): string {
  text.charCodeAt(0);
  return text;
}

/** The address without its zone: a socket names a link-local peer with its interface after a `%`. */
export function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
}
