/** What those may send who have signed in, or have not. */
import type { PathVerdict } from '../rules/smtp.ts';
import type { Conversation } from './conversation.ts';

/** @returns the refusal of a sender that no rule refuses; null where it may be used */
export function refuseSender(talk: Conversation, verdict: PathVerdict, line: string): string | null {
  const { options, policy, accounts } = talk.context;
  const { limits, senders } = options.submission;
  if (talk.account !== null) {
    const allowed = senders[talk.account] ?? senders['*'];
    if (allowed !== undefined && !verdict.path.empty && !isAmong(verdict.canonical, allowed)) {
      talk.report(['smtp-own-sender'], verdict, 553, line);
      return '553 5.7.1 Sender address is not of your account';
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

/** @returns the refusal of a recipient that no rule refuses; null where there may be one more */
export function refuseRecipient(talk: Conversation, verdict: PathVerdict, line: string): string | null {
  const { options, accounts } = talk.context;
  if (talk.account === null || accounts.mayAdd(talk.account, options.submission.limits)) return null;
  talk.report(['rate-limited'], verdict, 450, line);
  return '450 4.7.1 Too many recipients in an hour, try again later';
}

/** @param allowed addresses, or `@domain` for all of one; case is nobody's proof */
function isAmong(mailbox: string, allowed: readonly string[]): boolean {
  const address = Buffer.from(mailbox, 'latin1').toString('utf8').toLowerCase();
  const domain = address.slice(address.lastIndexOf('@'));
  return allowed.some((one) => one.toLowerCase() === address || one.toLowerCase() === domain);
}
