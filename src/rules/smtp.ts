/** Relay rules for mail: which recipients and senders are accepted, judged by where the mail would really go. */

import { parsePath, type SmtpPath, writeMailbox } from '../wire/smtp-path.ts';
import { type EffectiveDestination, effectiveDestination, type RouteKind } from '../wire/source-route.ts';
import { byCatalogueOrder, catalogue, type RuleId } from './catalogue.ts';

export interface MailPolicy {
  /**
   * Whether mail for a domain is delivered here.
   *
   * @param domain canonical, as `canonicalMailDomain` writes it; an address literal too
   */
  owns(domain: string): boolean;
  /** Our own local parts hold only letters, digits and dot-string characters that no program reads as something else. @default false */
  readonly plainLocals?: boolean;
}

/** `relaying`: from an allowed network, or after AUTH. Such a client may send to any domain, but not by a route. */
export type RelayRight = 'outside' | 'relaying';

export interface PathVerdict {
  readonly action: 'allow' | 'block';
  /** The rule that names the verdict; null if no rule was seen. */
  readonly rule: RuleId | null;
  /** Every rule seen, catalogue order. */
  readonly rules: readonly RuleId[];
  /** What was wrong, as half a sentence; empty if nothing was. */
  readonly why: string;
  /** Where a server that follows routes would send the mail. */
  readonly effective: EffectiveDestination;
  /** The mailbox to send on, canonical; empty for the null reverse-path. */
  readonly canonical: string;
  /** The same with the domain as it was spelled, perhaps in U-labels: for a server with SMTPUTF8 that may know only that spelling. */
  readonly written: string;
  /** The offending part of the text. */
  readonly evidence: { readonly start: number; readonly end: number } | null;
  readonly path: SmtpPath;
}

const ruleOf: Record<RouteKind, RuleId> = {
  'source-route': 'smtp-source-route',
  'percent-hack': 'smtp-percent-hack',
  'bang-path': 'smtp-bang-path',
  'quoted-route': 'smtp-quoted-route',
  'address-list': 'smtp-malformed-path',
};

/**
 * What a local part of our own must not hold in mail from outside: characters that some server reads as more than a name.
 *
 * - `%`: Postfix (`allow_percent_hack`, on by default), Sendmail, Exim (`percent_hack_domains`) turn it into an @;
 * - `!`: Postfix (`swap_bangpath`, on by default) and Sendmail take the word before it for a host;
 * - `@`: Postfix (`resolve_dequoted_address`) and Sendmail read an address in quotes as one;
 * - `::`: Sendmail and VMS mail (MAIL-11) read host::user;
 * - a leading `|` or `/`, `:include:`: Sendmail before 8.6.10 runs a program, writes to a file, reads a list (CERT CA-1993-16);
 * - a leading `-`: qmail-inject, mailx and procmail wrappers take it for an option (so Postfix has `allow_min_user = no`);
 * - a leading `.`, and `..` between slashes: delivery into files named by the local part (Exim's `file = …/$local_part`, Dovecot's
 *   `%n`) ends in another folder;
 * - `${`: Exim 4.87 to 4.91 expands it, commands included (CVE-2019-10149).
 */
const expandedLocal = /[%!@\0-\x1f\x7f]|::|^[|/:.-]|(?:^|\/)\.\.(?:\/|$)|\$\{/;
/** With `plainLocals`: also characters that a script behind the mail server could read as a list, a comment, a folder or a command. */
const oddLocal = /[:/|()<>,;\\" ]/;

/**
 * Judges a recipient.
 *
 * @param text what follows `RCPT TO:`, one character per byte
 */
export function judgeRecipient(text: string, policy: MailPolicy, relayRight: RelayRight): PathVerdict {
  const path = parsePath(text);
  const ours = owner(policy);
  const effective = effectiveDestination(path, ours);
  const seen = new Set<RuleId>(seenIn(path, effective, relayRight));
  let why = path.faults[0]?.why ?? '';

  if (path.empty) {
    seen.add('smtp-malformed-path');
    why ||= 'the null path as a recipient';
  } else if (seen.size === 0 && path.domain === null) {
    // RFC 5321 section 4.5.1: <postmaster> is the one recipient that needs no domain.
    if (relayRight === 'outside' && path.local.toLowerCase() !== 'postmaster') {
      seen.add('smtp-malformed-path');
      why = 'no domain';
    }
  } else if (seen.size === 0 && relayRight === 'outside') {
    if (!ours(path.domain)) {
      seen.add('smtp-foreign-recipient');
      why = `${path.domain} is not one of our domains`;
    } else if (expandedLocal.test(path.local) || (policy.plainLocals === true && oddLocal.test(path.local))) {
      seen.add('smtp-malformed-path');
      why = 'a local part that a delivery agent could read as something else';
    }
  }
  return verdict(path, effective, seen, why || routeWhy(effective));
}

/**
 * Judges a sender. A sender never gives the right to relay. It is refused if a bounce to it would be relayed
 * mail, or if two servers would read it differently.
 *
 * @param text what follows `MAIL FROM:`, one character per byte
 */
export function judgeSender(text: string, policy: MailPolicy, relayRight: RelayRight): PathVerdict {
  const path = parsePath(text);
  const effective = effectiveDestination(path, owner(policy));
  if (path.empty)
    return verdict(path, effective, new Set(seenIn(path, effective, 'relaying')), path.faults[0]?.why ?? '');
  const seen = new Set<RuleId>(seenIn(path, effective, 'relaying'));
  let why = path.faults[0]?.why ?? '';
  if (seen.size === 0 && path.domain === null && relayRight === 'outside') {
    seen.add('smtp-malformed-path');
    why = 'no domain';
  }
  return verdict(path, effective, seen, why || routeWhy(effective));
}

const owner =
  (policy: MailPolicy) =>
  (domain: string | null): boolean =>
    domain === null || policy.owns(domain);

function* seenIn(path: SmtpPath, effective: EffectiveDestination, relayRight: RelayRight): Generator<RuleId> {
  if (path.faults.length > 0) yield 'smtp-malformed-path';
  // A client that may relay still writes `50%off@ours`; but a part that names a host is a route, whoever sends it.
  const followed = relayRight === 'outside' || path.route.length > 0 || isNetworkHost(effective.domain);
  if (effective.steps.length === 0 || !followed) return;
  for (const step of effective.steps) yield ruleOf[step.kind];
  if (path.quoted) yield 'smtp-quoted-route';
}

const isNetworkHost = (domain: string | null): boolean => domain !== null && /[.[@]/.test(domain);

const routeWhy = ({ steps, ...end }: EffectiveDestination): string =>
  steps.length === 0 ? '' : `${steps[0]!.from} leads to ${writeMailbox(end)}`;

function verdict(
  path: SmtpPath,
  effective: EffectiveDestination,
  seen: ReadonlySet<RuleId>,
  why: string,
): PathVerdict {
  const rules = [...seen].sort(byCatalogueOrder);
  const rule = rules[0] ?? null;
  return {
    action: rule === null ? 'allow' : 'block',
    rule,
    rules,
    why: rule === null ? '' : why,
    effective,
    canonical: path.empty ? '' : writeMailbox(path),
    written: path.empty ? '' : writeMailbox({ ...path, domain: path.ulabels ?? path.domain }),
    evidence: rule === null ? null : evidence(path, rule),
    path,
  };
}

function evidence(path: SmtpPath, rule: RuleId): { start: number; end: number } {
  const fault = path.faults[0];
  if (fault === undefined || rule !== 'smtp-malformed-path') return { start: path.start, end: path.end };
  return { start: fault.at, end: Math.max(path.end, fault.at) };
}

/** The answer to a refused recipient or sender: `550 5.7.1 …`; for a malformed path, with the enhanced code of syntax errors. */
export function refusal(found: PathVerdict, of: 'sender' | 'recipient'): string {
  const rule = found.rule ?? 'smtp-malformed-path';
  const { answer } = catalogue[rule];
  const code = typeof answer === 'number' ? answer : 550;
  if (rule === 'smtp-malformed-path')
    return `${code} ${of === 'sender' ? '5.1.7' : '5.1.3'} Bad ${of} address syntax`;
  return `${code} 5.7.1 ${of === 'sender' ? 'Sender refused: source routes are not followed' : 'Relaying refused'}`;
}
