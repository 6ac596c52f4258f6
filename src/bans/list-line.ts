/** Parses the common spellings of a list line in place, without making strings: a list may have millions of lines. */
import { type PrefixKey, readPlainIpv6 } from '../address/prefix-key.ts';

/**
 * Reads an IPv4 address or prefix, or an IPv6 prefix of at most 64 bits as RFC 5952 spells it, with nothing but blanks around it.
 *
 * @param end where the line ends, before the line feed
 * @returns false for everything else: the caller must parse the line fully, and it may be a fault
 */
export function readListLine(bytes: Uint8Array, start: number, end: number, into: PrefixKey): boolean {
  let from = start;
  while (from < end && isBlank(bytes[from]!)) from++;
  let to = end;
  while (to > from && isBlank(bytes[to - 1]!)) to--;
  return readIpv4(bytes, from, to, into) || readIpv6(bytes, from, to, into);
}

function readIpv4(bytes: Uint8Array, start: number, end: number, into: PrefixKey): boolean {
  let high = 0;
  let part = -1;
  let dots = 0;
  let at = start;
  for (; at < end; at++) {
    const digit = bytes[at]! - zero;
    if (digit >= 0 && digit <= 9) {
      // No leading zeros: some programs read them as octal.
      if (part === 0) return false;
      part = part === -1 ? digit : part * 10 + digit;
      if (part > 255) return false;
    } else if (bytes[at] === dot && part !== -1 && dots < 3) {
      dots++;
      high = high * 256 + part;
      part = -1;
    } else break;
  }
  if (dots !== 3 || part === -1) return false;
  high = high * 256 + part;
  const length = at === end ? 32 : lengthAt(bytes, at, end);
  if (length < 1 || length > 32 || high % 2 ** (32 - length) !== 0) return false;
  into.family = 4;
  into.high = high;
  into.low = 0;
  into.length = length;
  return true;
}

function readIpv6(bytes: Uint8Array, start: number, end: number, into: PrefixKey): boolean {
  let groups = 0;
  let at = start;
  for (; at < end && bytes[at] !== slash; at++) if (bytes[at] === colon) groups++;
  // At most `a:b:c:d::/64`, so the lower 64 bits are all zero.
  if (at === end || groups > 5 || at - start > 39) return false;
  if (bytes[at - 1] !== colon || bytes[at - 2] !== colon) return false;
  const length = lengthAt(bytes, at, end);
  if (length < 1 || length > 64 || !readPlainIpv6(latin1(bytes, start, at), into)) return false;
  const beyond = length <= 32 ? into.low : into.low % 2 ** (64 - length);
  if (beyond !== 0 || (length < 32 && into.high % 2 ** (32 - length) !== 0)) return false;
  into.length = length;
  return true;
}

/** The number after a slash; -1: not one or two digits up to the end. */
function lengthAt(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== slash || end - at < 2 || end - at > 3 || bytes[at + 1] === zero) return -1;
  let length = 0;
  for (let place = at + 1; place < end; place++) {
    const digit = bytes[place]! - zero;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(start, end));

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09 || code === 0x0d;

const zero = 0x30;
const dot = 0x2e;
const slash = 0x2f;
const colon = 0x3a;
