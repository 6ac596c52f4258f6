/** Limits on senders and recipients: of signed-in accounts, and of strangers who use our own domains. */
import type { PathVerdict } from '../rules/smtp.ts';
import type { Conversation } from './conversation.ts';

/** Checks a sender that no rule refused. @returns the refusal; null: allowed */
export function refuseSender(talk: Conversation, verdict: PathVerdict, line: string): string | null {
  const { options, policy, accounts } = talk.context;
  const { limits, senders } = options.submission;
  if (talk.account !== null) {
    const allowed = senders[talk.account] ?? senders['*'];
    if (allowed !== undefined && !verdict.path.empty && !isAmong(verdict.canonical, allowed)) {
      talk.report(['smtp-own-sender'], verdict, 553, line);
      return '553 5.7.1 Sender address does not belong to your account';
    }
    if (accounts.mayBegin(talk.account, limits)) return null;
    talk.report(['rate-limited'], verdict, 450, line);
    return '450 4.7.1 Too many messages in an hour, try again later';
  }
  const { domain } = verdict.path;
  if (options.ownSender === 'allow' || talk.relayRight === 'relaying' || domain === null) return null;
  if (!policy.owns(domain)) return null;
  talk.report(['smtp-own-sender'], verdict, options.ownSender === 'block' ? 550 : null, line);
  return options.ownSender === 'block' ? '550 5.7.1 Sender refused: sign in to send from here' : null;
}

/** Checks a recipient that no rule refused. @returns the refusal; null: allowed */
export function refuseRecipient(talk: Conversation, verdict: PathVerdict, line: string): string | null {
  const { options, accounts } = talk.context;
  if (talk.account === null || accounts.mayAdd(talk.account, options.submission.limits)) return null;
  talk.report(['rate-limited'], verdict, 450, line);
  return '450 4.7.1 Too many recipients in an hour, try again later';
}

/** Ignores case. @param allowed addresses, or `@domain` for a whole domain */
function isAmong(mailbox: string, allowed: readonly string[]): boolean {
  const address = Buffer.from(mailbox, 'latin1').toString('utf8').toLowerCase();
  const domain = address.slice(address.lastIndexOf('@'));
  return allowed.some((one) => one.toLowerCase() === address || one.toLowerCase() === domain);
}
