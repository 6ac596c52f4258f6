/** Explains what the guard does with one SMTP command line, and where the mail would really go. Pure. */
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';
import { judgeRecipient, judgeSender, type MailPolicy, type RelayRight, refusal } from '../rules/smtp.ts';
import { writeMailbox } from '../wire/smtp-path.ts';
import type { RouteKind } from '../wire/source-route.ts';

export interface SmtpExplanation {
  readonly verdict: 'allow' | 'block';
  /** The rule that decided; null if none was broken. */
  readonly rule: RuleId | null;
  /** Every rule seen. */
  readonly signals: readonly RuleId[];
  /** Null if no rule was broken. */
  readonly intent: Intent | null;
  /** The reply; null if the mail server gives it. */
  readonly answer: string | null;
  /** Where a server that follows routes would send the mail; null for a line without an address. */
  readonly destination: string | null;
  /** How it gets there: a sentence for each step. */
  readonly steps: readonly string[];
  /** The address forwarded to the mail server; null if none is. */
  readonly sentOn: string | null;
  /** The offending part of the line. */
  readonly evidence: { readonly start: number; readonly end: number } | null;
  /** One sentence. */
  readonly why: string;
}

const command = /^(MAIL FROM:|RCPT TO:)(.*)$/is;

/** Whether `explainSmtp` can explain a line. */
export const isSmtpLine = (line: string): boolean =>
  /^(?:MAIL FROM|RCPT TO)[ \t]*:/i.test(line) || /^(?:MAIL|RCPT)\b/i.test(line);

/**
 * Explains a MAIL or RCPT line.
 *
 * @param line without its line end, one character a byte (latin1)
 * @param relayRight what the client may do: by default that of a stranger
 */
export function explainSmtp(
  line: string,
  policy: MailPolicy,
  relayRight: RelayRight = 'outside',
): SmtpExplanation {
  const match = command.exec(line);
  if (match === null) return unread(line);
  const offset = match[1]!.length;
  const of = /^MAIL/i.test(line) ? 'sender' : 'recipient';
  const found = (of === 'sender' ? judgeSender : judgeRecipient)(match[2]!, policy, relayRight);
  const { rule, effective, evidence } = found;
  const destination = writeMailbox(effective);
  const blocked = found.action === 'block';
  return {
    verdict: found.action,
    rule,
    signals: found.rules,
    intent: blocked ? 'mail-relay' : null,
    answer: blocked ? refusal(found, of) : null,
    destination: destination === '' ? null : destination,
    steps: effective.steps.map(({ kind, from, to, hop }) => {
      const next = hop === null ? '' : `, for ${hop}`;
      return `${from}: ${stepTexts[kind]}${next}; ${to} remains`;
    }),
    sentOn: blocked ? null : `<${found.canonical}>`,
    evidence: evidence === null ? null : { start: evidence.start + offset, end: evidence.end + offset },
    why:
      rule === null
        ? passage(of, destination, relayRight)
        : `${capital(found.why)}. ${wanted(rule, destination)}`,
  };
}

/** The same without configured domains: routes are followed from the server that the line names last. */
export function explainSmtpAnywhere(line: string, policy: MailPolicy): SmtpExplanation {
  const found = explainSmtp(line, policy);
  if (found.rule !== 'smtp-foreign-recipient') return found;
  const there = explainSmtp(line, { owns: () => true });
  if (there.steps.length === 0) return found;
  const why = `No mail domains are configured, so this is the view of the server that the line names. ${there.why}`;
  return { ...there, why };
}

const stepTexts: Readonly<Record<RouteKind, string>> = {
  'source-route': 'the first host of the source route removes itself and forwards the mail',
  'percent-hack': 'the last % becomes an @',
  'bang-path': 'the word before the first ! is the next host',
  'quoted-route': 'the quotes are removed, and their content is read as an address',
  'address-list': 'the local part is read as an address of its own',
};

function unread(line: string): SmtpExplanation {
  const colon = line.indexOf(':');
  return {
    verdict: 'block',
    rule: 'smtp-malformed-path',
    signals: ['smtp-malformed-path'],
    intent: 'mail-relay',
    answer: `501 5.5.4 Syntax: ${/^MAIL/i.test(line) ? 'MAIL FROM' : 'RCPT TO'}:<address>`,
    destination: null,
    steps: [],
    sentOn: null,
    evidence: { start: 0, end: colon === -1 ? line.length : colon },
    why: 'The command is written RCPT TO:<address> or MAIL FROM:<address>, with exactly one space.',
  };
}

function wanted(rule: RuleId, destination: string): string {
  const { seeks }: Rule = catalogue[rule];
  return `The sender wanted ${seeks}${destination === '' ? '' : `: ${destination}`}.`;
}

function passage(of: 'sender' | 'recipient', destination: string, relayRight: RelayRight): string {
  if (of === 'sender') return 'The sender is accepted; it gives no right to relay.';
  return relayRight === 'relaying'
    ? `The client may relay, and the address has no route: it goes to ${destination}.`
    : `${destination} is ours: the mail server decides.`;
}

/** Upper-cases the first letter, unless the text begins with an address or domain. */
const capital = (text: string): string =>
  /^\S*[.@%!:]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
