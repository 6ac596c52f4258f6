/** IPv6 addresses that stand for IPv4 addresses: who sends from one is the host at that IPv4 address. */

interface Translation {
  readonly name: string;
  /** The first bytes of its addresses. */
  readonly head: readonly number[];
  /** The shortest prefix that holds hardly any other addresses. */
  readonly least: number;
  /** Where the four bytes of the IPv4 address begin. */
  readonly at: number;
  /** Whether they are complemented. */
  readonly inverted?: true;
}

const translations: readonly Translation[] = [
  // RFC 6052 section 2.1. The rest of 64:ff9b::/48 is unused.
  { name: 'NAT64', head: [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], least: 48, at: 12 },
  // RFC 3056 section 2.
  { name: '6to4', head: [0x20, 0x02], least: 16, at: 2 },
  // RFC 4380 section 4.
  { name: 'Teredo', head: [0x20, 0x01, 0, 0], least: 32, at: 12, inverted: true },
];

export interface EmbeddedIpv4 {
  /** NAT64, 6to4 or Teredo. */
  readonly by: string;
  readonly bytes: readonly number[];
  /** Significant bits of the IPv4 address; 0: the prefix ends before it, and covers every IPv4 address. */
  readonly length: number;
}

/**
 * The IPv4 prefix that an IPv6 prefix stands for; null if it stands for itself.
 *
 * @param bytes of the address, zero after the prefix
 * @param length of the prefix
 */
export function embeddedIpv4(bytes: readonly number[], length = 128): EmbeddedIpv4 | null {
  const found = translations.find(
    ({ head, least }) => length >= least && head.every((byte, index) => bytes[index] === byte),
  );
  if (found === undefined) return null;
  const bits = Math.min(32, Math.max(0, length - found.at * 8));
  const embedded = bytes.slice(found.at, found.at + 4).map((byte, index) => {
    const mask = (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))) & 0xff;
    return (found.inverted === true ? byte ^ 0xff : byte) & mask;
  });
  return { by: found.name, bytes: embedded, length: bits };
}
