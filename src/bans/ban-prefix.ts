import { clientPrefix, maskedPrefix, parsePrefix, prefixText } from '../address/ip.ts';
import type { ErrorCode } from '../errors.ts';

/** Says why a text can't be banned, and what to write instead. */
export class BanPrefixError extends Error {
  override readonly name = 'BanPrefixError';
  readonly code: ErrorCode = 'SEKISHO_ERR_BAN_PREFIX';
}

/**
 * The prefix under which a ban of this text is stored. An IPv6 prefix longer than /64 is widened to its /64: one customer
 * holds a whole /64 and can change addresses within it at will.
 *
 * @throws {BanPrefixError} if the text is not a prefix, or covers every address
 */
export function banPrefix(text: string): string {
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
  return prefix.family === 6 && prefix.length > 64 ? clientPrefix(prefix.text)! : prefixText(prefix);
}

/** Whether the prefix covers more than one client, so that a look-up by the client's own prefix can't find it. */
export const isWide = (prefix: string): boolean => !prefix.endsWith(prefix.includes(':') ? '/64' : '/32');
