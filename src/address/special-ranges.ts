import ipaddr from 'ipaddr.js';

export type SpecialRange = 'loopback' | 'private' | 'metadata' | 'public';

const metadataAddresses = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  'fd00:ec2::254',
  '192.0.0.192',
]);

/**
 * What kind of address a destination is, in any spelling that some resolver accepts: dotted, decimal, hexadecimal,
 * octal, shortened (`127.1`), IPv4-mapped IPv6. For telling intents only: to decide whose host it is, such a spelling
 * must never be folded into another.
 *
 * @param host without brackets
 * @returns null where the text is no address
 */
export function specialRange(host: string): SpecialRange | null {
  // Most hosts are names, and the parser tells those by throwing: a flood of them must not pay for stack traces.
  if (!/^[0-9a-fx.:]+(?:%.*)?$/i.test(host) || !ipaddr.isValid(host)) return null;
  const address = ipaddr.process(host);
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
