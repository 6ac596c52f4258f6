/** What the judge needs from the header section, collected in one pass over `rawHeaders`. */
import { isClaim } from './claim-fields.ts';
import { FieldNames, is } from './field-names.ts';

/** Which headers of interest were seen, as bits of `HeaderFacts.seen`. Zero for nearly every ordinary request. */
export const seen = {
  proxyConnection: 1,
  proxyAuthorization: 2,
  maxForwards: 4,
  upgrade: 8,
  override: 16,
  /** A Connection line other than keep-alive, close or upgrade. */
  connectionOptions: 32,
  framing: 64,
} as const;

export interface HeaderFacts {
  /** Bits of `seen`. */
  seen: number;
  /** Index of the first Host name in rawHeaders; -1 if there is none. */
  host: number;
  /** Index of the second Host name; -1 if there is none. */
  secondHost: number;
  /** Index of the last field of this name, here and below; -1 if there is none. */
  transferEncoding: number;
  contentLength: number;
  upgrade: number;
  connection: number;
  /** `Content_Length` or `Transfer_Encoding`. */
  underscored: number;
}

/** Headers that can make a backend or framework use another host or URL than the request's. Lower case. */
export const overrideHeaders = new FieldNames(
  'x-host',
  'x-forwarded-host',
  'x-forwarded-server',
  'x-original-host',
  'x-http-host-override',
  'x-original-url',
  'x-rewrite-url',
  'x-http-destinationurl',
  'destination',
  'forwarded',
);

/**
 * Names are compared by length first, so an ordinary header costs one switch and no lower-casing.
 *
 * @param rawHeaders name, value, name, value … as on the wire: only here are two Host lines visible
 */
export function headerFacts(rawHeaders: readonly string[]): HeaderFacts {
  const facts: HeaderFacts = {
    seen: 0,
    host: -1,
    secondHost: -1,
    transferEncoding: -1,
    contentLength: -1,
    upgrade: -1,
    connection: -1,
    underscored: -1,
  };
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    switch (name.length) {
      case 4:
        if (is(name, 'host')) {
          if (facts.host === -1) facts.host = i;
          else if (facts.secondHost === -1) facts.secondHost = i;
        }
        continue;
      case 7:
        if (is(name, 'upgrade')) {
          facts.seen |= seen.upgrade;
          facts.upgrade = i;
        }
        continue;
      case 10:
        if (is(name, 'connection')) {
          facts.connection = i;
          if (!isPlainConnection(rawHeaders[i + 1]!)) facts.seen |= seen.connectionOptions;
        }
        continue;
      case 12:
        if (is(name, 'max-forwards')) facts.seen |= seen.maxForwards;
        continue;
      case 14:
        if (is(name, 'content-length')) {
          if (facts.contentLength !== -1 || !lengthValue.test(rawHeaders[i + 1]!)) facts.seen |= seen.framing;
          facts.contentLength = i;
          if (facts.transferEncoding !== -1) facts.seen |= seen.framing;
          continue;
        }
        if (is(name, 'content_length')) seeUnderscored(facts, i);
        break;
      case 16:
        if (is(name, 'proxy-connection')) {
          facts.seen |= seen.proxyConnection;
          continue;
        }
        break;
      case 17:
        if (is(name, 'transfer-encoding')) {
          const second = facts.transferEncoding !== -1;
          facts.transferEncoding = i;
          // Anything but `chunked` alone: a coding we would pass on undecoded, or a spelling others read differently.
          if (second || facts.contentLength !== -1 || !is(rawHeaders[i + 1]!, 'chunked'))
            facts.seen |= seen.framing;
          continue;
        }
        if (is(name, 'transfer_encoding')) seeUnderscored(facts, i);
        break;
      case 19:
        if (is(name, 'proxy-authorization')) {
          facts.seen |= seen.proxyAuthorization;
          continue;
        }
        break;
    }
    if (overrideHeaders.has(name) || isClaim(name)) facts.seen |= seen.override;
  }
  return facts;
}

/** Longer numbers exceed what a JavaScript number, or 63 bits, can hold exactly. */
const lengthValue = /^(?=\d{1,19}$)0*\d{1,15}$/;

/** CGI and WSGI variables do not distinguish `-` and `_`: such a backend takes these for the real framing fields. */
function seeUnderscored(facts: HeaderFacts, header: number): void {
  facts.seen |= seen.framing;
  facts.underscored = header;
}

function isPlainConnection(value: string): boolean {
  return value === 'keep-alive' || value === 'close' || /^(?:keep-alive|close|upgrade)$/i.test(value);
}

/** The members of a comma list, lower case, without empty ones (RFC 9110 section 5.6.1). */
export function listMembers(value: string): string[] {
  return value
    .toLowerCase()
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}
