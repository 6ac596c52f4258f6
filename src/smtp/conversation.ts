/** The state every command of a session works with: both sides, what was negotiated, and how to reply. */
import type { Socket } from 'node:net';
import type { RuleId } from '../rules/catalogue.ts';
import { type PathVerdict, type RelayRight, refusal } from '../rules/smtp.ts';
import { type Capabilities, noCapabilities } from './capabilities.ts';
import { ClientChannel } from './client-channel.ts';
import { Conduct, type MessageEnd } from './conduct.ts';
import { mailEvent } from './mail-event.ts';
import type { Reply } from './reply.ts';
import { ServerSide } from './server-side.ts';
import { connectionOf, listenerName, type SessionContext } from './session-context.ts';

/** A message begun by MAIL. */
export interface Transaction {
  readonly utf8: boolean;
  /** The MAIL line as received. */
  readonly line: string;
  /** The sender as forwarded; empty for the null reverse-path. */
  readonly sender: string;
  /** Recipients the mail server accepted, as forwarded. */
  readonly recipients: string[];
  /** The MAIL command, until it goes to the mail server together with the first recipient; then null. */
  unsent: string | null;
  /** The mail server's reply to MAIL, if it refused the sender after the client was told 250. */
  refusal: Reply | null;
}

export class Conversation {
  readonly context: SessionContext;
  readonly client: ClientChannel;
  readonly server: ServerSide;
  readonly conduct: Conduct;
  /** What the mail server offered after the last EHLO. */
  offered: Capabilities = noCapabilities;
  tls = false;
  transaction: Transaction | null = null;
  /** The mail server refused the last MAIL. Postfix remembers a SIZE that it refused until RSET, and refuses the next MAIL for it. */
  mailRefused = false;
  /** The account that signed in; null: none. */
  account: string | null = null;

  constructor(socket: Socket, context: SessionContext) {
    this.context = context;
    this.client = new ClientChannel(socket, context.normalizes, context.listener.tls === 'implicit');
    this.server = new ServerSide(context, this.client);
    this.conduct = new Conduct(context.options.limits);
  }

  get relayRight(): RelayRight {
    return this.context.mayRelay || this.server.authenticated ? 'relaying' : 'outside';
  }

  /** Replies. @param cost errors that a 5yz counts as */
  answer(text: string, cost: 0 | 1 = 1): true {
    if (cost > 0 && text.startsWith('5')) this.conduct.error();
    this.client.say(`${text}\r\n`);
    return true;
  }

  /** Forwards the mail server's reply. @returns whether the session goes on */
  pass(answer: Reply, cost: 0 | 1 = 1): boolean {
    if (cost > 0 && answer.code >= 500) this.conduct.error();
    this.client.say(answer.text);
    return answer.code !== 421;
  }

  /** Null if the check throws: the caller refuses the address. */
  judge(decide: () => PathVerdict): PathVerdict | null {
    try {
      return decide();
    } catch (error) {
      this.context.log.error({ err: error }, 'smtp: a check failed; the address was refused');
      return null;
    }
  }

  /** Refuses an address for the rule it broke. */
  refuse(verdict: PathVerdict, of: 'sender' | 'recipient', line: string): true {
    const text = refusal(verdict, of);
    this.report(verdict.rules, verdict, Number(text.slice(0, 3)), line);
    if (of === 'sender') return this.answer(text);
    if (this.relayRight === 'outside')
      this.conduct.recipientRefused(verdict.rule!, this.transaction !== null);
    return this.answer(text, 0);
  }

  /** Refuses bytes sent before the reply they had to wait for, and ends the session. */
  earlyTalk(before: string): false {
    this.report(['smtp-early-talk'], null, 521, this.client.peek());
    this.client.say(`521 5.5.1 Talked before ${before}\r\n`);
    return false;
  }

  /** Records an event. @param answer code of the reply; null: the command is let pass */
  report(
    rules: readonly RuleId[],
    verdict: PathVerdict | null,
    answer: number | null,
    request: string,
  ): void {
    const { ends, onEvent } = this.context;
    const { helo } = this.server;
    const sender = this.transaction === null ? '' : `${this.transaction.line}\r\n`;
    const before = (helo === null ? '' : `${helo}\r\n`) + sender;
    const effective = verdict?.effective ?? null;
    const [listener, client] = [listenerName(ends), ends.address];
    const connection = connectionOf(ends);
    const time = Date.now();
    onEvent(mailEvent({ time, listener, client, connection, rules, effective, answer, request, before }));
  }

  /** Records a failed sign-in. @param what mechanism and account, without the credential */
  reportSignIn(what: string, answer: number): void {
    this.report(['smtp-auth-failed'], null, answer, Buffer.from(`AUTH ${what}`, 'utf8').toString('latin1'));
  }

  /** Whether the mail server has a message open, too. */
  get isOpenBehind(): boolean {
    return this.transaction !== null && this.transaction.unsent === null && this.transaction.refusal === null;
  }

  /** Whether RSET changes anything at the mail server. */
  get isResettable(): boolean {
    return this.isOpenBehind || this.mailRefused;
  }

  /** Ends the open message, if any. */
  endMessage(how: MessageEnd): void {
    if (this.transaction !== null) this.conduct.messageEnded(how);
    this.transaction = null;
  }
}
