/** Runs the mail techniques: many envelopes a session, few enough that no server slows down or hangs up. */
import { randomBytes } from 'node:crypto';
import { UnreachableError } from './connection.ts';
import type { Outcome } from './finding.ts';
import type { Ground } from './ground.ts';
import { MailSession } from './mail-session.ts';
import { defaultSender, type MailTechnique, mailTechniques } from './mail-techniques.ts';

/** Postfix begins to wait a second a fault after ten of them (smtpd_soft_error_limit), Exim hangs up after four odd ones. */
const envelopesPerSession = 6;

export interface MailFinding {
  readonly technique: MailTechnique;
  readonly outcome: Outcome;
}

/**
 * Tries every envelope.
 *
 * @param own domain that the server takes mail for; null: the one that its greeting names
 * @param greeted gets the greeting, which names the software
 */
export async function* auditMail(
  ground: Ground,
  own: string | null,
  greeted: (greeting: string) => void,
): AsyncGenerator<MailFinding> {
  const first = await MailSession.open(ground);
  greeted(first.greeting);
  const domain = own ?? (first.host.includes('.') ? first.host.toLowerCase() : 'localhost');
  // Some servers say nothing but STARTTLS before it (RFC 3207 section 4).
  const startTls = first.offersStartTls && (await first.say(`MAIL FROM:${defaultSender}`)).code === 530;
  first.quit();
  const control = await acceptsMail(ground, domain, startTls);
  const mailbox = `<${randomBytes(8).toString('hex')}@${domain}>`;
  const techniques = mailTechniques(domain, ground.address);
  let takesAnyMailbox: boolean | null = null;
  let session: MailSession | null = null;
  let envelopes = 0;

  const envelope = async (sender: string, recipient: string): Promise<Outcome & { accepted: boolean }> => {
    if (session === null || envelopes >= envelopesPerSession) {
      session?.quit();
      session = null;
      session = await MailSession.open(ground, { startTls });
      envelopes = 0;
    }
    envelopes += 1;
    const reset = await session.say('RSET');
    if (reset.code !== 250) throw new UnreachableError(`RSET: ${reset.code} ${reset.text}`);
    const from = await session.say(`MAIL FROM:${sender}`);
    if (from.code !== 250) return { ...refusal(from, 'sender'), accepted: false };
    const to = await session.say(`RCPT TO:${recipient}`);
    // 251: the server will forward (RFC 5321 section 4.3.2).
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
        takesAnyMailbox ??= (await envelope(defaultSender, mailbox)).accepted;
        if (takesAnyMailbox) {
          outcome = {
            result: 'unclear',
            why: `${said.why}; but a made-up mailbox of ${domain} was accepted as well, so it may be kept as local mail`,
          };
        }
      }
    } catch (error) {
      // The session is gone; the next envelope begins another.
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
 * Whether it takes mail from us at all: RFC 5321 section 4.5.1 makes every server take it for postmaster. One that refuses that
 * refuses our sender, our name or our address, and says nothing about relaying.
 *
 * @returns null where it does, else what it says
 */
async function acceptsMail(ground: Ground, domain: string, startTls: boolean): Promise<string | null> {
  const session = await MailSession.open(ground, { startTls });
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

/** A refusal that does not speak of relaying, by a server that refuses postmaster too. */
function doubted(outcome: Outcome, control: string): Outcome {
  if (outcome.result !== 'refuses' || relaying.test(outcome.why)) return outcome;
  const said = control.replace(/<[^>]*>+:? ?/, '').slice(0, 120);
  return {
    result: 'unclear',
    why: `${outcome.why}; but it takes no mail from here at all, not even for postmaster: ${said} (name its domain with --host)`,
  };
}

/** What servers say when relaying is what they refuse, or only known users may send. */
const relaying = /relay|authenticat|not permitted|administrative prohibition|mynetworks|syntax|malformed/i;

function refusal({ code, text }: { code: number; text: string }, of: 'sender' | 'recipient'): Outcome {
  // The address is told already, in what was sent.
  const why = `${of} refused: ${code} ${text.replace(/<[^>]*>+:? ?/, '').slice(0, 120)}`;
  // A temporary refusal that speaks of relaying is one for good: Postfix's defer_unauth_destination.
  const forGood = code >= 500 || /relay|4\.7\.1|authenticat/i.test(text);
  return forGood && code !== 421
    ? { result: 'refuses', why }
    : { result: 'unclear', why: `${why}; temporary, try again later` };
}
