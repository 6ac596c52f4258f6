import ipaddr from 'ipaddr.js';

export type SpecialRange = 'loopback' | 'private' | 'metadata' | 'public';

const metadataAddresses = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  'fd00:ec2::254',
  '192.0.0.192',
  // Azure's host: health probes, DNS, and the goal state of a machine with its secrets.
  '168.63.129.16',
]);

/**
 * The kind of a destination address, in any spelling that some resolver accepts: dotted, decimal, hexadecimal,
 * octal, shortened (`127.1`), embedded in IPv6. For guessing intents only: to decide whether a host is ours, such a spelling
 * must never be taken for another.
 *
 * @param host without brackets
 * @returns null if the text is no address
 */
export function specialRange(host: string): SpecialRange | null {
  // Most hosts are names, for which the parser throws: under a flood, stack traces would be expensive.
  if (!/^[0-9a-fx.:]+(?:%.*)?$/i.test(host) || !ipaddr.isValid(host)) return null;
  const address = embedded(ipaddr.process(host));
  if (metadataAddresses.has(address.toString())) return 'metadata';
  switch (address.range()) {
    case 'loopback':
    case 'unspecified':
      return 'loopback';
    case 'private':
    case 'linkLocal':
    case 'uniqueLocal':
    case 'carrierGradeNat':
      return 'private';
    default:
      return 'public';
  }
}

/**
 * The IPv4 address that a gateway would dial for an IPv6 address: NAT64 (RFC 6052 and RFC 8215), 6to4 (RFC 3056), and the old
 * IPv4-compatible form (RFC 4291 section 2.5.5.1).
 */
function embedded(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address.kind() === 'ipv4') return address;
  const bytes = address.toByteArray();
  const begins = (...head: readonly number[]): boolean => head.every((byte, at) => bytes[at] === byte);
  const local = begins(0, 0x64, 0xff, 0x9b, 0, 1);
  if (local || begins(0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0)) return new ipaddr.IPv4(bytes.slice(12));
  if (begins(0x20, 0x02)) return new ipaddr.IPv4(bytes.slice(2, 6));
  const compatible = begins(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) && (bytes[12] !== 0 || bytes[13] !== 0);
  return compatible ? new ipaddr.IPv4(bytes.slice(12)) : address;
}
