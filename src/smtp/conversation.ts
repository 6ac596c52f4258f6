/** What every command of a session works with: both sides, what has been agreed so far, and how an answer is given. */
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

/** A message under way: MAIL was accepted by the mail server. */
export interface Transaction {
  readonly utf8: boolean;
  /** The MAIL line, as it came. */
  readonly line: string;
  /** The sender as it was passed on; empty for the null reverse-path. */
  readonly sender: string;
  /** Recipients that the mail server took as well, as they were passed on. */
  readonly recipients: string[];
}

export class Conversation {
  readonly context: SessionContext;
  readonly client: ClientChannel;
  readonly server: ServerSide;
  readonly conduct: Conduct;
  /** What the mail server offers in the session as it is now. */
  offered: Capabilities = noCapabilities;
  tls = false;
  transaction: Transaction | null = null;
  /** Whom the mail server let in by AUTH; null: nobody. */
  account: string | null = null;

  constructor(socket: Socket, context: SessionContext) {
    this.context = context;
    this.client = new ClientChannel(socket, context.normalizes, context.door.tls === 'implicit');
    this.server = new ServerSide(context, this.client);
    this.conduct = new Conduct(context.options.limits);
  }

  get relayRight(): RelayRight {
    return this.context.mayRelay || this.server.authenticated ? 'relaying' : 'outside';
  }

  /** @param cost errors that a 5yz counts as */
  answer(text: string, cost: 0 | 1 = 1): true {
    if (cost > 0 && text.startsWith('5')) this.conduct.error();
    this.client.say(`${text}\r\n`);
    return true;
  }

  /** Passes on what the mail server says. @returns whether the session goes on */
  pass(answer: Reply, cost: 0 | 1 = 1): boolean {
    if (cost > 0 && answer.code >= 500) this.conduct.error();
    this.client.say(answer.text);
    return answer.code !== 421;
  }

  /** A check that fails denies. */
  judge(decide: () => PathVerdict): PathVerdict | null {
    try {
      return decide();
    } catch (error) {
      this.context.log.error({ err: error }, 'smtp: a check failed; the address was refused');
      return null;
    }
  }

  /** Refuses an address for the rule that it broke. */
  refuse(verdict: PathVerdict, of: 'sender' | 'recipient', line: string): true {
    const text = refusal(verdict, of);
    this.report(verdict.rules, verdict, Number(text.slice(0, 3)), line);
    if (of === 'sender') return this.answer(text);
    if (this.relayRight === 'outside')
      this.conduct.recipientRefused(verdict.rule!, this.transaction !== null);
    return this.answer(text, 0);
  }

  /** Refuses bytes that came before the reply that they must wait for, and ends the session. */
  earlyTalk(before: string): false {
    this.report(['smtp-early-talk'], null, 521, this.client.peek());
    this.client.say(`521 5.5.1 Talked before ${before}\r\n`);
    return false;
  }

  /** @param answer code of the reply; null: what was seen passes */
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

  /** @param what the mechanism and the account, without the credential */
  reportSignIn(what: string, answer: number): void {
    this.report(['smtp-auth-failed'], null, answer, Buffer.from(`AUTH ${what}`, 'utf8').toString('latin1'));
  }

  /** The message under way is over, where there is one. */
  endMessage(how: MessageEnd): void {
    if (this.transaction !== null) this.conduct.messageEnded(how);
    this.transaction = null;
  }
}

export const isDone = ({ code }: Reply): boolean => code >= 200 && code < 300;
