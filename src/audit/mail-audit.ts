/** Runs the mail techniques: several envelopes per session, few enough that no server slows down or hangs up. */
import { randomBytes } from 'node:crypto';
import type { AuditContext } from './audit-context.ts';
import { UnreachableError } from './connection.ts';
import type { Outcome } from './finding.ts';
import { MailSession } from './mail-session.ts';
import { defaultSender, type MailTechnique, mailTechniques } from './mail-techniques.ts';

/** Postfix delays every error by a second after ten of them (smtpd_soft_error_limit); Exim hangs up after a few. */
const envelopesPerSession = 6;

export interface MailFinding {
  readonly technique: MailTechnique;
  readonly outcome: Outcome;
}

/**
 * Tries every envelope.
 *
 * @param own domain that the server accepts mail for; null: the domain in its greeting
 * @param greeted called with the greeting, which names the software
 */
export async function* auditMail(
  context: AuditContext,
  own: string | null,
  greeted: (greeting: string) => void,
): AsyncGenerator<MailFinding> {
  const first = await MailSession.open(context);
  greeted(first.greeting);
  const domain = own ?? (first.host.includes('.') ? first.host.toLowerCase() : 'localhost');
  // 530: some servers require STARTTLS before mail (RFC 3207 section 4).
  const startTls = first.offersStartTls && (await first.say(`MAIL FROM:${defaultSender}`)).code === 530;
  first.quit();
  const control = await acceptsMail(context, domain, startTls);
  const mailbox = `<${randomBytes(8).toString('hex')}@${domain}>`;
  const techniques = mailTechniques(domain, context.address);
  let acceptsAnyMailbox: boolean | null = null;
  let session: MailSession | null = null;
  let envelopes = 0;

  const envelope = async (sender: string, recipient: string): Promise<Outcome & { accepted: boolean }> => {
    if (session === null || envelopes >= envelopesPerSession) {
      session?.quit();
      session = null;
      session = await MailSession.open(context, { startTls });
      envelopes = 0;
    }
    envelopes += 1;
    const reset = await session.say('RSET');
    if (reset.code !== 250) throw new UnreachableError(`RSET: ${reset.code} ${reset.text}`);
    const from = await session.say(`MAIL FROM:${sender}`);
    if (from.code !== 250) return { ...refusal(from, 'sender'), accepted: false };
    const to = await session.say(`RCPT TO:${recipient}`);
    // 251: the server will forward the mail (RFC 5321 section 4.3.2).
    const accepted = to.code === 250 || to.code === 251;
    if (!accepted) return { ...refusal(to, 'recipient'), accepted };
    return { result: 'relays', why: `accepted RCPT for a third party: ${to.code} ${to.text}`, accepted };
  };

  for (const technique of techniques) {
    let outcome: Outcome;
    try {
      const { accepted, ...said } = await envelope(technique.sender, technique.recipient);
      outcome = said;
      if (accepted && technique.ownDomain) {
        acceptsAnyMailbox ??= (await envelope(defaultSender, mailbox)).accepted;
        if (acceptsAnyMailbox) {
          outcome = {
            result: 'unclear',
            why: `${said.why}; but a made-up mailbox at ${domain} was accepted too, so this may be local mail`,
          };
        }
      }
    } catch (error) {
      // The session is lost; the next envelope opens a new one.
      (session as MailSession | null)?.quit();
      session = null;
      if (!(error instanceof UnreachableError)) throw error;
      outcome = { result: 'unclear', why: error.message };
    }
    yield { technique, outcome: control === null ? outcome : doubted(outcome, control) };
  }
  (session as MailSession | null)?.quit();
}

/**
 * Whether the server accepts any mail from us: every server must accept mail for postmaster (RFC 5321 section 4.5.1). If this one
 * does not, it objects to our sender, name or address, and its refusals prove nothing about relaying.
 *
 * @returns null if it does, else its reply
 */
async function acceptsMail(context: AuditContext, domain: string, startTls: boolean): Promise<string | null> {
  const session = await MailSession.open(context, { startTls });
  try {
    const from = await session.say(`MAIL FROM:${defaultSender}`);
    if (from.code !== 250) return `${from.code} ${from.text}`;
    const parent = domain.split('.').slice(1).join('.');
    const own = [`@${domain}`, ...(parent.includes('.') ? [`@${parent}`] : []), ''];
    let said = '';
    for (const at of own) {
      const to = await session.say(`RCPT TO:<postmaster${at}>`);
      if (to.code === 250 || to.code === 251) return null;
      said ||= `${to.code} ${to.text}`;
    }
    return said;
  } finally {
    session.quit();
  }
}

/** A server that refuses postmaster too: its refusal counts only if it mentions relaying. */
function doubted(outcome: Outcome, control: string): Outcome {
  if (outcome.result !== 'refuses' || relaying.test(outcome.why)) return outcome;
  const said = control.replace(/<[^>]*>+:? ?/, '').slice(0, 120);
  return {
    result: 'unclear',
    why: `${outcome.why}; but it accepts no mail from here, not even for postmaster: ${said} (name its domain with --host)`,
  };
}

/** Replies that refuse relaying, or sending without a login. */
const relaying = /relay|authenticat|not permitted|administrative prohibition|mynetworks|syntax|malformed/i;

function refusal({ code, text }: { code: number; text: string }, of: 'sender' | 'recipient'): Outcome {
  // The finding already shows the address in `sent`.
  const why = `${of} refused: ${code} ${text.replace(/<[^>]*>+:? ?/, '').slice(0, 120)}`;
  // A temporary refusal that mentions relaying is permanent: Postfix's defer_unauth_destination.
  const permanent = code >= 500 || /relay|4\.7\.1|authenticat/i.test(text);
  return permanent && code !== 421
    ? { result: 'refuses', why }
    : { result: 'unclear', why: `${why}; temporary, try again later` };
}
