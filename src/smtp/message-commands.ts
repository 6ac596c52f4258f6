/** MAIL, RCPT, DATA and RSET: a message from its sender to the mail server's final reply. */
import { judgeRecipient, judgeSender } from '../rules/smtp.ts';
import { acceptedMail } from './accepted-mail.ts';
import { ClientSlow } from './client-channel.ts';
import type { Conversation, Transaction } from './conversation.ts';
import { NormalizingScanner, StrictScanner } from './data-scanner.ts';
import { transfer } from './data-transfer.ts';
import { isOversized, type Parameters, recipientParameters, senderParameters } from './parameters.ts';
import { receivedField } from './received-field.ts';
import { isDone, type Reply } from './reply.ts';
import { listenerName } from './session-context.ts';
import { refuseRecipient, refuseSender } from './submission.ts';

/** MAIL. @returns whether the session goes on */
export async function mail(talk: Conversation, line: string): Promise<boolean> {
  const text = /^MAIL FROM:(.*)$/is.exec(line)?.[1];
  if (text === undefined) return talk.answer('501 5.5.4 Syntax: MAIL FROM:<address>');
  const { options, policy, listener } = talk.context;
  if (listener.auth === 'required' && !talk.server.authenticated)
    return talk.answer(
      talk.tls ? '530 5.7.0 Authentication required' : '530 5.7.0 Must issue a STARTTLS command first',
    );
  const verdict = talk.judge(() => judgeSender(text, policy, talk.relayRight));
  if (verdict === null) return talk.answer('554 5.7.1 Sender refused');
  if (verdict.action === 'block') return talk.refuse(verdict, 'sender', line);
  const parameters = senderParameters(verdict.path.parameters, talk.offered, options);
  const utf8 = !('refuse' in parameters) && parameters.utf8;
  const refused = refuseParameters(parameters, verdict.canonical, utf8);
  if (refused !== null) return talk.answer(refused);
  const notTheirs = refuseSender(talk, verdict, line);
  if (notTheirs !== null) return talk.answer(notTheirs);
  const { text: written } = parameters as Accepted;
  const sender = utf8 ? verdict.written : verdict.canonical;
  const command = `MAIL FROM:<${sender}>${written}`;
  const begun = { utf8, line, sender, recipients: [], refusal: null };
  const waits = talk.offered.offered.has('PIPELINING') && !talk.isOpenBehind;
  if (waits && talk.transaction !== null) return talk.answer('503 5.5.1 Nested MAIL');
  // RFC 5321 section 4.5.3.1.10: 552 to RCPT means too many recipients, and the client would try again for days.
  if (waits && !isOversized(verdict.path.parameters, talk.offered)) {
    // Goes out with the first recipient, in one write: a round trip less, and a client that is refused every recipient costs none. If the
    // mail server refuses the sender, each recipient gets its reply, as from a Postfix of its own accord (smtpd_delay_reject).
    talk.transaction = { ...begun, unsent: command };
    return talk.answer('250 2.1.0 OK');
  }
  const answer = await talk.server.begin(command);
  if (isDone(answer)) talk.transaction = { ...begun, unsent: null };
  else senderRefused(talk, answer);
  return talk.pass(answer);
}

/** Notes what a refusal of MAIL says to the guard. */
function senderRefused(talk: Conversation, { code, text }: Reply): void {
  talk.mailRefused = true;
  // RFC 3207 section 4: this 530 concerns the guard's connection; the client may already use TLS.
  if (code === 530 && talk.context.options.backendTls === null && /TLS/i.test(text))
    talk.context.backends.demandsTls(talk.server.upstream.target);
}

/** RCPT. @returns whether the session goes on */
export async function rcpt(talk: Conversation, line: string): Promise<boolean> {
  const { options, policy } = talk.context;
  const text = /^RCPT TO:(.*)$/is.exec(line)?.[1];
  if (text === undefined) return talk.answer('501 5.5.4 Syntax: RCPT TO:<address>');
  const verdict = talk.judge(() => judgeRecipient(text, policy, talk.relayRight));
  if (verdict === null) return talk.answer('554 5.7.1 Relaying refused');
  const { transaction, conduct } = talk;
  if (conduct.isOverdone) return talk.answer('452 4.5.3 Too many recipients');
  if (verdict.action === 'block') return talk.refuse(verdict, 'recipient', line);
  if (transaction === null) return talk.answer('503 5.5.1 MAIL first');
  if (transaction.recipients.length >= options.limits.recipients)
    return talk.answer('452 4.5.3 Too many recipients');
  const parameters = recipientParameters(verdict.path.parameters, talk.offered, transaction.utf8);
  const refused = refuseParameters(parameters, verdict.canonical, transaction.utf8);
  if (refused !== null) return talk.answer(refused);
  const tooMany = refuseRecipient(talk, verdict, line);
  if (tooMany !== null) return talk.answer(tooMany);
  const { text: written } = parameters as Accepted;
  const recipient = transaction.utf8 ? verdict.written : verdict.canonical;
  const answer = await sendRecipient(talk, transaction, `RCPT TO:<${recipient}>${written}`);
  const taken = isDone(answer);
  if (taken) transaction.recipients.push(recipient);
  conduct.recipientPassed(taken);
  // An office's outgoing mail always has some dead addresses: they cost it no errors.
  return talk.relayRight === 'relaying' ? talk.pass(answer, 0) : talk.pass(answer);
}

/** Sends RCPT, and MAIL before it if that is yet to go. @returns the reply to RCPT, or the refusal of MAIL */
async function sendRecipient(talk: Conversation, transaction: Transaction, line: string): Promise<Reply> {
  if (transaction.refusal !== null) return transaction.refusal;
  if (transaction.unsent === null) return talk.server.command(line);
  const [begun, answer] = await talk.server.beginMessage(transaction.unsent, line);
  transaction.unsent = null;
  if (answer !== null) return answer;
  transaction.refusal = begun;
  senderRefused(talk, begun);
  return begun;
}

type Accepted = Exclude<Parameters, { refuse: string }>;

function refuseParameters(parameters: Parameters, mailbox: string, utf8: boolean): string | null {
  if ('refuse' in parameters) return parameters.refuse;
  // RFC 6531 section 3.4.
  return /[\x80-\xff]/.test(mailbox) && !utf8 ? '553 5.6.7 Non-ASCII address without SMTPUTF8' : null;
}

/** DATA. @returns whether the session goes on */
export async function data(talk: Conversation, line: string): Promise<boolean> {
  const { client, server, transaction } = talk;
  if (line.length !== 4) return talk.answer('501 5.5.4 Syntax: DATA');
  if (transaction === null) return talk.answer('503 5.5.1 MAIL first');
  if (transaction.recipients.length === 0) return talk.answer('554 5.5.1 No valid recipients');
  // RFC 2920 section 3.1: DATA ends a group. Bytes before 354 would be commands to one server and message to another.
  if (client.pending > 0) return talk.earlyTalk('354');
  const start = await server.command('DATA');
  if (start.code !== 354) return talk.pass(start);
  const { upstream } = server;
  if (client.pending > 0) {
    upstream.drop();
    return talk.earlyTalk('354');
  }
  client.say(start.text);
  const { normalizes, options, backends } = talk.context;
  const { end, size } = await transfer({
    client,
    upstream,
    scanner: normalizes ? new NormalizingScanner() : new StrictScanner(),
    before: backends.tellsClient ? '' : receivedField(talk, new Date()),
    largest: options.limits.message,
    timeout: options.timeouts.data,
  });
  const delivered = end === 'sent' ? await server.delivery().catch(() => null) : null;
  if (delivered !== null && isDone(delivered)) {
    const { ends, onDelivered } = talk.context;
    onDelivered(acceptedMail(talk, listenerName(ends), size, delivered.text.trimEnd()));
  }
  talk.endMessage(delivered !== null && isDone(delivered) ? 'delivered' : 'refused');
  switch (end) {
    case 'sent':
      return saidOrLost(talk, delivered);
    case 'bare-newline':
      talk.report(['smtp-smuggling'], null, 550, 'DATA');
      return talk.answer('550 5.6.11 Bare CR or LF in the message');
    case 'too-big':
      return talk.answer('552 5.3.4 Message too big');
    case 'upstream-lost':
      // A server that refuses in mid-message replies before it closes. Forward a 5yz, or the client would send the message again.
      return saidOrLost(
        talk,
        upstream.unasked !== null && upstream.unasked.code >= 400 ? upstream.unasked : null,
      );
    case 'upstream-hangs':
      client.say('421 4.3.0 Mail server lost, try again\r\n');
      return false;
    case 'client-slow':
      throw new ClientSlow('no data in time');
    case 'client-gone':
      return false;
  }
}

/** @param said null: the message may or may not have been accepted, so the client must send it again (RFC 5321 section 4.5.4.1) */
function saidOrLost(talk: Conversation, said: Reply | null): boolean {
  return said === null ? talk.answer('451 4.3.0 Mail server lost, try again') : talk.pass(said);
}

/** RSET. @returns whether the session goes on */
export async function reset(talk: Conversation, line: string): Promise<boolean> {
  if (line.length !== 4) return talk.answer('501 5.5.4 Syntax: RSET');
  if (!talk.isResettable) {
    talk.endMessage('abandoned');
    return talk.answer('250 2.0.0 OK');
  }
  const answer = await talk.server.reset();
  talk.mailRefused = false;
  talk.endMessage('abandoned');
  return answer === null ? talk.answer('250 2.0.0 OK') : talk.pass(answer);
}
