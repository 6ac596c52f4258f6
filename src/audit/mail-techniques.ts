/** Envelopes that ask a mail server to relay to a third party, as open-relay testers send them. */
import type { TechniqueId } from './finding.ts';

export interface MailTechnique {
  readonly id: TechniqueId;
  /** The path after `MAIL FROM:`. */
  readonly sender: string;
  /** The path after `RCPT TO:`. */
  readonly recipient: string;
  /**
   * The address ends in the server's own domain: a server that accepts any local part there accepts this too, as local
   * mail.
   */
  readonly ownDomain: boolean;
}

/** Reserved by RFC 2606, without a mail server: nothing is sent there, and nothing would arrive. */
const user = 'sekisho-audit';
const foreign = 'example.com';
export const defaultSender = '<sekisho-audit@example.org>';

/**
 * The rows for one server.
 *
 * @param own domain that the server accepts mail for
 * @param address address of the server, for address literals
 */
export function mailTechniques(own: string, address: string): readonly MailTechnique[] {
  const literal = address.includes(':') ? `[IPv6:${address}]` : `[${address}]`;
  const third = `${user}@${foreign}`;
  const percent = `${user}%${foreign}`;
  const bang = `${foreign}!${user}`;

  const bySender: [string, string][] = [
    ['null-sender', '<>'],
    ['own-sender', `<${user}@${own}>`],
    ['literal-sender', `<${user}@${literal}>`],
    ['localhost-sender', `<${user}@localhost>`],
    ['bare-sender', `<${user}>`],
    ['same-sender', `<${third}>`],
  ];
  const byRecipient: [TechniqueId, string, boolean?][] = [
    ['smtp-foreign-recipient', `<${third}>`],
    ['smtp-foreign-recipient/no-brackets', third],
    ['smtp-foreign-recipient/space', ` <${third}>`],
    ['smtp-foreign-recipient/tab', `\t<${third}>`],
    ['smtp-percent-hack', `<${percent}@${own}>`, true],
    ['smtp-percent-hack/no-brackets', `${percent}@${own}`, true],
    ['smtp-percent-hack/literal', `<${percent}@${literal}>`, true],
    ['smtp-percent-hack/alone', `<${percent}>`, true],
    ['smtp-quoted-route', `<"${third}">`, true],
    ['smtp-quoted-route/percent', `<"${percent}">`, true],
    ['smtp-quoted-route/own', `<"${third}"@${own}>`, true],
    ['smtp-quoted-route/literal', `<"${third}"@${literal}>`, true],
    ['smtp-malformed-path/two-ats', `<${third}@${own}>`, true],
    ['smtp-malformed-path/two-ats-literal', `<${third}@${literal}>`, true],
    ['smtp-source-route', `<@${own}:${third}>`],
    ['smtp-source-route/no-brackets', `@${own}:${third}`],
    ['smtp-source-route/literal', `<@${literal}:${third}>`],
    ['smtp-source-route/two-hops', `<@${own},@b.${own}:${third}>`],
    ['smtp-source-route/foreign-hop', `<@${foreign}:${user}@${own}>`, true],
    ['smtp-source-route/percent', `<@${own}:${percent}@${own}>`, true],
    ['smtp-bang-path', `<${bang}>`, true],
    ['smtp-bang-path/no-brackets', bang, true],
    ['smtp-bang-path/own', `<${bang}@${own}>`, true],
    ['smtp-bang-path/literal', `<${bang}@${literal}>`, true],
    ['smtp-bang-path/two-hops', `<a!b!${bang}@${own}>`, true],
    ['smtp-bang-path/through-own', `<${own}!${third}>`],
    ['smtp-malformed-path/colons', `<${user}::${foreign}@${own}>`, true],
  ];
  return [
    ...byRecipient.map(([id, recipient, ownDomain = false]) => ({
      id,
      sender: defaultSender,
      recipient,
      ownDomain,
    })),
    ...bySender.map(([variant, sender]) => ({
      id: `smtp-foreign-recipient/${variant}` as const,
      sender,
      recipient: `<${third}>`,
      ownDomain: false,
    })),
  ];
}

export const sentOfMail = ({ sender, recipient }: MailTechnique): string =>
  `MAIL FROM:${sender} | RCPT TO:${recipient.replaceAll('\t', '\\t')}`;
