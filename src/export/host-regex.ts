/** Host entries as regular expressions that PCRE, PCRE2 and RE2 all understand, over the bytes of a Host line. */
import { domainToUnicode } from 'node:url';
import ipaddr from 'ipaddr.js';

/** A canonical host, as `HostEntry.host` is. */
export interface NamedHost {
  readonly host: string;
}

/** The characters of a canonical host: none of them ends a word in any language exported to. */
const canonicalHost = /^(?:(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])$/;

/** RFC 3986 section 3.2.3 allows an empty port; 0 and numbers above 65535 are not ports. */
export const portRegex =
  '(?::(?:0*(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?)?';

/**
 * Every spelling by which a Host line can name the host, without a port; to be matched ignoring case.
 *
 * RFC 3986 section 6.2.2 lets a sender percent-encode any character, and a name can end with a dot: refusing our own host for
 * its spelling would be a false alarm. A name that only looks alike must not match.
 *
 * @throws if the host is not canonical: it could end a word of the configuration and begin a directive
 */
export function hostRegex({ host }: NamedHost): string {
  if (!canonicalHost.test(host)) throw new TypeError(`not a canonical host: ${JSON.stringify(host)}`);
  if (host.startsWith('[')) return `\\[${ipv6Regex(host.slice(1, -1))}\\]`;
  if (host.startsWith('*.')) return `(?:[a-z0-9_-]+[.])+${nameRegex(host.slice(2))}[.]?`;
  return `${nameRegex(host)}[.]?`;
}

function nameRegex(host: string): string {
  const unicode = domainToUnicode(host);
  const spelled = host.split('').map(characterRegex).join('');
  if (unicode === host || unicode === '') return spelled;
  return `(?:${spelled}|${[...unicode].map(characterRegex).join('')})`;
}

/** The character, its capital (regular expressions ignore case only in ASCII), and its percent-encoding. */
function characterRegex(character: string): string {
  const encoded = [...new TextEncoder().encode(character)]
    .map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
    .join('');
  const plain = character === '.' ? '[.]' : character;
  const capital = character.toUpperCase();
  return /^[\x21-\x7e]$/.test(character) || capital === character
    ? `(?:${plain}|${encoded})`
    : `(?:${plain}|${capital}|${encoded})`;
}

/** Leading zeros allowed before a group of so many digits. */
const zeros = ['', '0{0,3}', '0{0,2}', '0?', ''] as const;

/** RFC 4291 section 2.2: leading zeros are optional, and `::` can stand for any run of zero groups, or not be used. */
function ipv6Regex(address: string): string {
  const groups = ipaddr.IPv6.parse(address).parts;
  const text = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => (group === 0 ? '0{1,4}' : `${zeros[group.toString(16).length]}${group.toString(16)}`))
      .join(':');
  const spellings = [text(0, 8)];
  for (let from = 0; from < 8; from++) {
    for (let to = from + 1; to <= 8 && groups[to - 1] === 0; to++)
      spellings.push(`${text(0, from)}::${text(to, 8)}`);
  }
  return `(?:${spellings.join('|')})`;
}
