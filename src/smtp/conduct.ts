/** Counts a client's errors in a session, decides when to end it, and whether it was nothing but relay attempts. */
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';
import type { SmtpLimits } from './options.ts';

type Bounds = Pick<SmtpLimits, 'errors' | 'commandsBeforeMail'>;

/** Refused recipients of one message; later ones get 452 unchecked. Ten times the recipients that RFC 5321 section 4.5.3.1.8 requires. */
const mostRefused = 1000;

/** `abandoned`: by RSET, EHLO or STARTTLS, before its end. */
export type MessageEnd = 'delivered' | 'refused' | 'abandoned';

export class Conduct {
  readonly #limits: Bounds;
  #errors = 0;
  #commandsBeforeMail = 0;
  /** Recipients of the open message that a rule refused. They cost the mail server nothing and reveal no addresses. */
  #refused = 0;
  #taken = 0;
  #accused: RuleId | null = null;
  #honest = false;

  constructor(limits: Bounds) {
    this.#limits = limits;
  }

  /** Counts a command outside a message. */
  idleCommand(): void {
    this.#commandsBeforeMail++;
  }

  /** Counts a 5yz reply. */
  error(): void {
    this.#errors++;
  }

  /** Counts a recipient that a rule refused. @param underWay after an accepted MAIL */
  recipientRefused(rule: RuleId, underWay: boolean): void {
    if ((catalogue[rule] as Rule).bans) this.#accused ??= rule;
    if (underWay) this.#refused++;
    else this.#errors++;
  }

  /** Counts a recipient that no rule refused. @param taken whether the mail server accepted it */
  recipientPassed(taken: boolean): void {
    this.#honest = true;
    if (taken) this.#taken++;
  }

  /** Whether the open message has too many refused recipients to check another. */
  get isOverdone(): boolean {
    return this.#refused >= mostRefused;
  }

  /** Ends the open message. Delivered mail resets the error count, as in Postfix. */
  messageEnded(how: MessageEnd): void {
    this.#errors = how === 'delivered' ? 0 : this.#errors + this.#refused;
    this.#refused = 0;
    this.#taken = 0;
    if (how !== 'abandoned') this.#commandsBeforeMail = 0;
  }

  /**
   * Whether the session must end. Not while the message has an accepted recipient: ending it would lose that recipient's mail for the
   * refused ones beside it.
   */
  get isTooMuch(): boolean {
    if (this.#taken > 0) return false;
    const { errors, commandsBeforeMail } = this.#limits;
    return this.#errors > errors || this.#commandsBeforeMail > commandsBeforeMail;
  }

  /**
   * The rule the session broke, if it asked for refused recipients and for no others; else null. One line is no proof: a user of a
   * mail provider can make its servers send it among everybody else's mail.
   */
  get offence(): RuleId | null {
    return this.#honest ? null : this.#accused;
  }
}
