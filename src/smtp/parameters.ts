/** The parameters of MAIL and RCPT: only those that are understood and offered are passed on, each in its own syntax. */
import { judgeRecipient, type MailPolicy, type Standing } from '../rules/smtp.ts';
import type { EsmtpParameter } from '../wire/smtp-path.ts';
import type { Capabilities } from './capabilities.ts';
import type { SmtpOptions } from './options.ts';

/** What to send on, beginning with a space where there is anything; or the refusal. */
export type Parameters = { readonly text: string; readonly utf8: boolean } | { readonly refuse: string };

/** RFC 3461 section 4. */
const xtext = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;

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
  // RFC 4954 section 5: a claim about who submitted the mail. It is not passed on, as nobody here can vouch for it.
  AUTH: { extension: 'AUTH', value: xtext },
};

const rcptParameters: Readonly<Record<string, Syntax>> = {
  NOTIFY: {
    extension: 'DSN',
    value: /^(?:NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2})$/i,
  },
  ORCPT: { extension: 'DSN', value: /^[A-Za-z0-9-]{1,64};\S+$/ },
};

/** The parameters of MAIL. */
export const senderParameters = (
  found: readonly EsmtpParameter[],
  upstream: Capabilities,
  { limits }: Pick<SmtpOptions, 'limits'>,
): Parameters =>
  read(found, mailParameters, upstream, ({ keyword, value }) => {
    // RFC 1870 section 6.1: refused here, it need not be sent in vain.
    if (keyword === 'SIZE' && limits.message !== null && Number(value) > limits.message)
      return '552 5.3.4 Message too big';
    return keyword !== 'AUTH';
  });

/** The parameters of RCPT. */
export function recipientParameters(
  found: readonly EsmtpParameter[],
  upstream: Capabilities,
  policy: MailPolicy,
  standing: Standing,
): Parameters {
  return read(found, rcptParameters, upstream, (parameter) => {
    if (parameter.keyword !== 'ORCPT') return true;
    const [type, address = ''] = split(parameter.value ?? '');
    const decoded = decodeXtext(address);
    if (decoded === null) return '501 5.5.4 Bad ORCPT';
    if (type.toLowerCase() !== 'rfc822' && type.toLowerCase() !== 'utf-8') return false;
    const verdict = judgeRecipient(`<${decoded}>`, policy, standing);
    // A third party named here would get the delivery reports of servers that address them so. From a client that may
    // not relay it goes no further; the recipient itself is not affected.
    return verdict.action === 'allow';
  });
}

/** @param pass false: understood, not sent on; a text: refused with it */
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
    if (verdict) text += value === null ? ` ${keyword}` : ` ${keyword}=${value}`;
  }
  return { text, utf8: seen.has('SMTPUTF8') };
}

function split(text: string): [string, string | undefined] {
  const semicolon = text.indexOf(';');
  return [text.slice(0, semicolon), text.slice(semicolon + 1)];
}

/** Null where it is no xtext, and where it hides a control character. */
export function decodeXtext(text: string): string | null {
  if (!xtext.test(text)) return null;
  const decoded = text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return /[\0-\x1f\x7f]/.test(decoded) ? null : decoded;
}
