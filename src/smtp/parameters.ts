/** The parameters of MAIL and RCPT: only known and offered ones are forwarded, each checked against its syntax. */
import { type EsmtpParameter, isUtf8 } from '../wire/smtp-path.ts';
import type { Capabilities } from './capabilities.ts';
import type { SmtpOptions } from './options.ts';

/** The text to forward, with a leading space unless empty; or the refusal. */
export type Parameters = { readonly text: string; readonly utf8: boolean } | { readonly refuse: string };

/** RFC 3461 section 4. Lower-case hex digits are invalid but in use; they are forwarded in upper case. */
const xtext = /^(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*$/;
/** RFC 6533 section 3: `utf-8-addr-unitext` and `utf-8-addr-xtext`, whose `+`, `=` and backslash are written \x{2B}, \x{3D} and \x{5C}. */
const utf8Address = /^(?:[!-*,-<>-[\]-~\x80-\xff]|\\x\{[0-9A-Fa-f]{2,6}\})+$/;

interface Syntax {
  readonly extension: string;
  readonly value: RegExp | null;
}

const mailParameters: Readonly<Record<string, Syntax>> = {
  SIZE: { extension: 'SIZE', value: /^\d{1,20}$/ },
  BODY: { extension: '8BITMIME', value: /^(?:7BIT|8BITMIME)$/i },
  SMTPUTF8: { extension: 'SMTPUTF8', value: null },
  RET: { extension: 'DSN', value: /^(?:FULL|HDRS)$/i },
  ENVID: { extension: 'DSN', value: xtext },
  // RFC 4954 section 5: a claim about who submitted the mail. The guard can't verify it, so it is not forwarded.
  AUTH: { extension: 'AUTH', value: xtext },
};

const rcptParameters: Readonly<Record<string, Syntax>> = {
  NOTIFY: {
    extension: 'DSN',
    value: /^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})$/i,
  },
  ORCPT: { extension: 'DSN', value: /^[A-Za-z0-9-]{1,64};\S*$/ },
};

/** The parameters of MAIL. */
export const senderParameters = (
  found: readonly EsmtpParameter[],
  upstream: Capabilities,
  { limits }: Pick<SmtpOptions, 'limits'>,
): Parameters =>
  read(found, mailParameters, upstream, ({ keyword, value }) => {
    // RFC 1870 section 6.1: refuse before the message is sent in vain.
    if (keyword === 'SIZE' && limits.message !== null && Number(value) > limits.message)
      return '552 5.3.4 Message too big';
    return keyword !== 'AUTH';
  });

/** Whether MAIL declares more octets than the mail server offers. */
export function isOversized(found: readonly EsmtpParameter[], { offered }: Capabilities): boolean {
  const most = Number(offered.get('SIZE'));
  return most > 0 && found.some(({ keyword, value }) => keyword === 'SIZE' && Number(value) > most);
}

/**
 * The parameters of RCPT. ORCPT names the recipient before lists and forwarders changed it. Delivery reports quote it and go to the
 * envelope sender (RFC 3461 section 4.2), so it can't redirect mail.
 *
 * @param utf8 MAIL had SMTPUTF8
 */
export const recipientParameters = (
  found: readonly EsmtpParameter[],
  upstream: Capabilities,
  utf8: boolean,
): Parameters =>
  read(
    found,
    rcptParameters,
    upstream,
    ({ keyword, value }) =>
      keyword !== 'ORCPT' || isOriginalRecipient(value ?? '', utf8) || '501 5.5.4 Bad ORCPT',
  );

function isOriginalRecipient(text: string, utf8: boolean): boolean {
  const [type, address = ''] = split(text);
  if (type.toLowerCase() !== 'utf-8') return decodeXtext(address) !== null;
  if (!utf8Address.test(address)) return false;
  if (/[\x80-\xff]/.test(address) && !(utf8 && isUtf8(address))) return false;
  return !/\\x\{0*(?:[01]?[0-9a-f]|7f)\}/i.test(address);
}

/** @param pass false: known, not forwarded; a text: the refusal */
function read(
  found: readonly EsmtpParameter[],
  known: Readonly<Record<string, Syntax>>,
  upstream: Capabilities,
  pass: (parameter: EsmtpParameter) => boolean | string,
): Parameters {
  let text = '';
  const seen = new Set<string>();
  for (const parameter of found) {
    const { keyword, value } = parameter;
    const syntax = Object.hasOwn(known, keyword) ? known[keyword] : undefined;
    if (syntax === undefined) return { refuse: `555 5.5.4 Parameter not supported` };
    if (!upstream.offered.has(syntax.extension) && keyword !== 'AUTH')
      return { refuse: `555 5.5.4 ${keyword} is not offered` };
    if (seen.has(keyword) || (syntax.value === null ? value !== null : !syntax.value.test(value ?? '')))
      return { refuse: `501 5.5.4 Bad ${keyword}` };
    seen.add(keyword);
    const verdict = pass(parameter);
    if (typeof verdict === 'string') return { refuse: verdict };
    if (verdict) text += value === null ? ` ${keyword}` : ` ${keyword}=${upperXtext(value)}`;
  }
  return { text, utf8: seen.has('SMTPUTF8') };
}

function split(text: string): [string, string | undefined] {
  const semicolon = text.indexOf(';');
  return [text.slice(0, semicolon), text.slice(semicolon + 1)];
}

/** `+2b` → `+2B`. In other values no two hexadecimal digits follow a plus. */
const upperXtext = (value: string): string =>
  value.includes('+') ? value.replace(/\+[0-9a-f]{2}/gi, (digits) => digits.toUpperCase()) : value;

/** Null if it is not xtext, or hides a control character. */
export function decodeXtext(text: string): string | null {
  if (!xtext.test(text)) return null;
  const decoded = text.replace(/\+([0-9A-F]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return /[\0-\x1f\x7f]/.test(decoded) ? null : decoded;
}
