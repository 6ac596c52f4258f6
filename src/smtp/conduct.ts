/** How a client behaves in its session: what it is refused, when that is enough, and whether it was all there was. */
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';
import type { SmtpLimits } from './options.ts';

type Bounds = Pick<SmtpLimits, 'errors' | 'commandsBeforeMail'>;

/** Refused recipients of one message; the next ones get 452 unread. Ten times what RFC 5321 section 4.5.3.1.8 asks a server to take. */
const mostRefused = 1000;

/** `abandoned`: by RSET, EHLO or STARTTLS, before its end. */
export type MessageEnd = 'delivered' | 'refused' | 'abandoned';

export class Conduct {
  readonly #limits: Bounds;
  #errors = 0;
  #commandsBeforeMail = 0;
  /** Recipients of the message under way that a rule refused. They cost the mail server nothing and tell nobody which addresses exist. */
  #refused = 0;
  #taken = 0;
  #accused: RuleId | null = null;
  #honest = false;

  constructor(limits: Bounds) {
    this.#limits = limits;
  }

  /** A command while no message is under way. */
  idleCommand(): void {
    this.#commandsBeforeMail++;
  }

  /** A command that was answered with 5yz. */
  error(): void {
    this.#errors++;
  }

  /** A recipient that a rule refused. @param underWay in a message that the mail server has taken the sender of */
  recipientRefused(rule: RuleId, underWay: boolean): void {
    if ((catalogue[rule] as Rule).bans) this.#accused ??= rule;
    if (underWay) this.#refused++;
    else this.#errors++;
  }

  /** A recipient that no rule refused. @param taken whether the mail server took it */
  recipientPassed(taken: boolean): void {
    this.#honest = true;
    if (taken) this.#taken++;
  }

  /** Whether the message under way has had so many refused recipients that no further one is looked at. */
  get isOverdone(): boolean {
    return this.#refused >= mostRefused;
  }

  /** The message under way has ended. Delivered mail clears what was refused before it, as Postfix does. */
  messageEnded(how: MessageEnd): void {
    this.#errors = how === 'delivered' ? 0 : this.#errors + this.#refused;
    this.#refused = 0;
    this.#taken = 0;
    if (how !== 'abandoned') this.#commandsBeforeMail = 0;
  }

  /**
   * Whether the session is to end for it. Not while a message has a recipient that was taken: that one would lose its mail
   * for what others were named beside it.
   */
  get isTooMuch(): boolean {
    if (this.#taken > 0) return false;
    const { errors, commandsBeforeMail } = this.#limits;
    return this.#errors > errors || this.#commandsBeforeMail > commandsBeforeMail;
  }

  /**
   * What the whole session was about, where it asked for recipients that a rule refuses and for no others; else null. One
   * line is no proof: a user of a mail provider can make its servers say it, beside the mail of everybody else.
   */
  get offence(): RuleId | null {
    return this.#honest ? null : this.#accused;
  }
}
