/** Canonical prefix text → numbers, fast enough for every request. */

/** The bits of a prefix that identify clients: 32 of IPv4, the upper 64 of IPv6. */
export interface PrefixKey {
  family: 4 | 6;
  /** The first 32 bits, unsigned. */
  high: number;
  /** The next 32 bits of IPv6, unsigned; 0 for IPv4. */
  low: number;
  /** Significant bits; more than 64 for IPv6 prefixes longer than a /64. */
  length: number;
}

/** An empty key for `readPrefixKey` to fill. Each caller keeps its own, so that look-ups allocate nothing. */
export const prefixKey = (): PrefixKey => ({ family: 4, high: 0, low: 0, length: 0 });

/** The canonical text of a prefix of at most 64 bits: the inverse of `readPrefixKey`. */
export function prefixKeyText({ family, high, low, length }: PrefixKey): string {
  if (family === 4)
    return `${high >>> 24}.${(high >>> 16) & 255}.${(high >>> 8) & 255}.${high & 255}/${length}`;
  const groups = [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff];
  // RFC 5952: the lower half is zero, so the longest run of zeros is the one at the end.
  while (groups.at(-1) === 0) groups.pop();
  return `${groups.map((group) => group.toString(16)).join(':')}::/${length}`;
}

/** The eight groups of the address being read. */
const eight = new Uint16Array(8);

/**
 * Reads the /64 of a plain IPv6 address: hexadecimal groups, with or without `::`. False for every other text, and if the
 * address may embed an IPv4 address: the caller then uses `parseIp`.
 */
export function readPlainIpv6(text: string, into: PrefixKey): boolean {
  if (text.length < 2 || text.length > 39) return false;
  let count = 0;
  let gap = -1;
  for (let at = 0; at < text.length; ) {
    if (text.charCodeAt(at) === colon) {
      // One colon separates two groups; two colons, once, stand for omitted groups.
      if (text.charCodeAt(at + 1) === colon) {
        if (gap !== -1) return false;
        gap = count;
        at += 2;
        if (at === text.length) break;
      } else if (count === 0 || gap === count) return false;
      else at++;
    }
    const start = at;
    let group = 0;
    for (; at < text.length; at++) {
      const digit = hexadecimal(text.charCodeAt(at));
      if (digit === -1) break;
      group = group * 16 + digit;
    }
    if (at === start || at > start + 4 || count === 8) return false;
    if (at < text.length && text.charCodeAt(at) !== colon) return false;
    eight[count++] = group;
  }
  if (gap === -1 ? count !== 8 : count > 7) return false;
  if (gap !== -1) {
    eight.copyWithin(8 - count + gap, gap, count);
    eight.fill(0, gap, 8 - count + gap);
  }
  into.family = 6;
  into.high = eight[0]! * 65536 + eight[1]!;
  into.low = eight[2]! * 65536 + eight[3]!;
  into.length = 64;
  return !mayEmbed(into.high, into.low);
}

/** IPv4-mapped, NAT64, 6to4, Teredo. */
const mayEmbed = (high: number, low: number): boolean =>
  (low === 0 && (high === 0 || high === 0x0064ff9b)) || high >>> 16 === 0x2002 || high === 0x20010000;

function hexadecimal(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const dot = 0x2e;
const slash = 0x2f;
const colon = 0x3a;

/**
 * Reads the output of `prefixText` and `clientPrefix`; for any other text use `parsePrefix` first. False if the text can't
 * be such a prefix.
 */
export function readPrefixKey(text: string, into: PrefixKey): boolean {
  for (let at = 0; at < 5; at++) {
    const code = text.charCodeAt(at);
    if (code === dot) return readIpv4(text, into);
    if (code === colon) return readIpv6(text, into);
  }
  return false;
}

function readIpv4(text: string, into: PrefixKey): boolean {
  let high = 0;
  let part = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) part = part * 10 + code - 0x30;
    else if (code === dot || code === slash) {
      high = high * 256 + part;
      part = 0;
      if (code === slash) return finish(text, at, into, 4, high, 0);
    } else return false;
  }
  return false;
}

function readIpv6(text: string, into: PrefixKey): boolean {
  let high = 0;
  let low = 0;
  let groups = 0;
  let group = 0;
  let at = 0;
  // RFC 5952: the lower half of a prefix up to 64 bits is the longest run of zeros, so nothing follows `::`.
  for (; at < text.length && groups < 4; at++) {
    const code = text.charCodeAt(at);
    if (code === colon) {
      if (groups < 2) high = high * 65536 + group;
      else low = low * 65536 + group;
      groups++;
      group = 0;
      if (text.charCodeAt(at + 1) === colon) break;
    } else group = group * 16 + (code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57);
  }
  if (groups === 1) high *= 65536;
  if (groups <= 2) low = 0;
  else if (groups === 3) low *= 65536;
  const cut = text.indexOf('/', at);
  return cut !== -1 && finish(text, cut, into, 6, high, low);
}

function finish(
  text: string,
  cut: number,
  into: PrefixKey,
  family: 4 | 6,
  high: number,
  low: number,
): boolean {
  let length = 0;
  for (let at = cut + 1; at < text.length; at++) length = length * 10 + text.charCodeAt(at) - 0x30;
  into.family = family;
  into.high = high;
  into.low = low;
  into.length = length;
  return true;
}
