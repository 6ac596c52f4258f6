import { clientPrefix, maskedPrefix, parsePrefix, prefixText } from '../address/ip.ts';
import type { ErrorCode } from '../errors.ts';

/** Why a text names nothing that can be banned, and what to write instead. */
export class BanPrefixError extends Error {
  override readonly name = 'BanPrefixError';
  readonly code: ErrorCode = 'SEKISHO_ERR_BAN_PREFIX';
}

/**
 * The prefix that a ban of this text is kept under: an IPv6 prefix longer than /64 is widened to the /64, since that is
 * what one customer is given and can walk through at will.
 *
 * @throws {BanPrefixError} where the text is no prefix, or is everybody
 */
export function banPrefix(text: string): string {
  const prefix = parsePrefix(text);
  if (prefix === null) {
    const meant = maskedPrefix(text);
    throw new BanPrefixError(
      meant === null
        ? `${JSON.stringify(text.slice(0, 100))} is no prefix: write an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32`
        : `${text} has bits set after the prefix: write ${meant}`,
    );
  }
  if (prefix.length === 0) throw new BanPrefixError(`${text} is everybody: write a prefix with a length`);
  return prefix.family === 6 && prefix.length > 64 ? clientPrefix(prefix.text)! : prefixText(prefix);
}

/** Whether it covers more than one client, so that it can't be found by a client's prefix itself. */
export const isWide = (prefix: string): boolean => !prefix.endsWith(prefix.includes(':') ? '/64' : '/32');
