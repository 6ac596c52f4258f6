import type { AuditContext } from './audit-context.ts';
import type { Connection } from './connection.ts';
import { UnreachableError } from './connection.ts';

export interface MailReply {
  readonly code: number;
  /** The last line. */
  readonly text: string;
}

/** One SMTP session, which never reaches DATA. */
export class MailSession {
  readonly #connection: Connection;
  readonly #patience: number;
  #seen = 0;
  #startTls = false;
  /** The host name in the greeting. */
  readonly host: string;
  /** The greeting, code included. */
  readonly greeting: string;

  private constructor(connection: Connection, patience: number, greeting: MailReply) {
    this.#connection = connection;
    this.#patience = patience;
    this.greeting = `${greeting.code} ${greeting.text}`;
    this.host = /^\S+/.exec(greeting.text)?.[0] ?? '';
  }

  /**
   * Connects and says EHLO.
   *
   * @param startTls use STARTTLS if the server offers it
   * @throws UnreachableError, BudgetError
   */
  static async open(context: AuditContext, { startTls = false } = {}): Promise<MailSession> {
    const connection = await context.dial();
    // Servers that watch for early talkers delay the greeting by some seconds.
    const patience = Math.max(context.patience, 10_000);
    const waiting = new MailSession(connection, patience, { code: 0, text: '' });
    try {
      const greeting = await waiting.#reply();
      if (greeting.code !== 220) throw new UnreachableError(`greeted with ${greeting.code} ${greeting.text}`);
      const session = new MailSession(connection, patience, greeting);
      session.#seen = waiting.#seen;
      await session.#hello();
      if (startTls && session.#startTls) {
        const ready = await session.say('STARTTLS');
        if (ready.code === 220) {
          await connection.startTls(context.servername, patience);
          session.#seen = 0;
          await session.#hello();
        }
      }
      return session;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  get offersStartTls(): boolean {
    return this.#startTls;
  }

  /** @throws UnreachableError if the server closes or does not answer in time */
  say(command: string): Promise<MailReply> {
    this.#connection.send(`${command}\r\n`);
    return this.#reply();
  }

  quit(): void {
    this.#connection.send('QUIT\r\n');
    this.#connection.close();
  }

  async #hello(): Promise<void> {
    const before = this.#seen;
    const reply = await this.say('EHLO sekisho-audit.example.org');
    if (reply.code !== 250) {
      await this.say('HELO sekisho-audit.example.org');
      return;
    }
    const said = this.#connection.received.subarray(before, this.#seen).toString('latin1');
    this.#startTls = /^250[ -]STARTTLS\r?$/im.test(said);
  }

  async #reply(): Promise<MailReply> {
    const next = (bytes: Buffer): RegExpExecArray | null =>
      /(?:^|\n)(\d{3})(?: ([^\r\n]*))?\r?\n/.exec(bytes.toString('latin1', this.#seen));
    const bytes = await this.#connection.until((bytes) => next(bytes) !== null, this.#patience);
    const line = next(bytes);
    if (line === null) {
      const how = this.#connection.ended === null ? 'did not answer in time' : 'closed the connection';
      throw new UnreachableError(`the mail server ${how}`);
    }
    this.#seen += line.index + line[0].length;
    return { code: Number(line[1]), text: line[2] ?? '' };
  }
}
