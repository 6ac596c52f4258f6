import {
  type EmbeddedPrefix,
  embeddedPrefix,
  maskedPrefix,
  type Prefix,
  parsePrefix,
  prefixText,
} from '../address/ip.ts';
import { PrefixSet } from '../address/prefix-set.ts';
import type { ErrorCode } from '../errors.ts';

/** Says why a text can't be banned, and what to write instead. */
export class BanPrefixError extends Error {
  override readonly name = 'BanPrefixError';
  readonly code: ErrorCode = 'SEKISHO_ERR_BAN_PREFIX';
}

/**
 * The prefix under which a ban of this text is stored. An IPv6 prefix longer than /64 is widened to its /64: one customer
 * holds a whole /64 and can change addresses within it at will. A prefix of 6to4, Teredo or NAT64 becomes the IPv4 prefix in it: its
 * clients count as their IPv4 addresses, so the IPv6 prefix would match nobody.
 *
 * @throws {BanPrefixError} if the text is not a prefix, or covers every address
 */
export function banPrefix(text: string): string {
  const prefix = readPrefix(text);
  const embedded = embeddedPrefix(prefix);
  if (embedded?.prefix.length === 0)
    throw new BanPrefixError(
      `${text} covers every IPv4 address: clients behind ${embedded.by} count as their IPv4 address. Write the IPv4 address or prefix`,
    );
  return stored(prefix, embedded);
}

/** What `banPrefix` makes of a prefix of 6to4, Teredo or NAT64, in words; null for any other text. */
export function embeddedNote(text: string): string | null {
  const prefix = parsePrefix(text);
  const embedded = prefix === null ? null : embeddedPrefix(prefix);
  return embedded === null
    ? null
    : `${embedded.by} clients count as their IPv4 address: ${text} is banned as ${prefixText(embedded.prefix)}`;
}

/** A prefix in an imported list, or why it bans nobody. */
export type ListedPrefix = { readonly prefix: string } | { readonly idle: string };

/**
 * Like `banPrefix`, but a prefix of 6to4, Teredo or NAT64 that covers every IPv4 address or private ones bans nobody. Lists of bogons
 * name `2002:a00::/24`, which no client can have; banned as 10.0.0.0/8, it would shut out one's own network.
 *
 * @throws {BanPrefixError} if the text is not a prefix, or covers every address
 */
export function listedPrefix(text: string): ListedPrefix {
  const prefix = readPrefix(text);
  const embedded = embeddedPrefix(prefix);
  if (embedded === null || !privateRanges.overlaps(embedded.prefix))
    return { prefix: stored(prefix, embedded) };
  const what = embedded.prefix.length === 0 ? 'every IPv4 address' : 'private IPv4 addresses';
  return { idle: `${text} covers ${what} behind ${embedded.by}` };
}

/** "This host", private (RFC 1918), shared (RFC 6598), loopback and link-local addresses. No 6to4 router or Teredo client has one. */
const privateRanges = new PrefixSet(
  [
    ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
    '192.168.0.0/16',
  ].map((text) => parsePrefix(text)!),
);

function readPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === null) {
    const meant = maskedPrefix(text);
    throw new BanPrefixError(
      meant === null
        ? `${JSON.stringify(text.slice(0, 100))} is not a prefix: write an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32`
        : `${text} has bits set after the prefix: write ${meant}`,
    );
  }
  if (prefix.length === 0)
    throw new BanPrefixError(`${text} covers every address: write a prefix with a length`);
  return prefix;
}

function stored(prefix: Prefix, embedded: EmbeddedPrefix | null): string {
  if (embedded !== null) return prefixText(embedded.prefix);
  if (prefix.family === 4 || prefix.length <= 64) return prefixText(prefix);
  return maskedPrefix(`${prefix.text}/64`)!;
}

/** Whether the prefix covers more than one client, so that a look-up by the client's own prefix can't find it. */
export const isWide = (prefix: string): boolean => !prefix.endsWith(prefix.includes(':') ? '/64' : '/32');
