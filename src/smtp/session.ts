/**
 * One client's session. Every command is read, judged and rewritten for the mail server; nothing is passed through. Commands are
 * carried out one at a time, so each reply belongs to its command.
 */
import type { Socket } from 'node:net';
import type { Member } from '../listener/members.ts';
import { auth } from './auth.ts';
import { ClientGone, ClientSlow, longestAuthLine, longestCommand } from './client-channel.ts';
import type { LineFault } from './command-lines.ts';
import { Conversation } from './conversation.ts';
import { hello, startTls } from './hello.ts';
import { data, mail, rcpt, reset } from './message-commands.ts';
import type { SessionContext } from './session-context.ts';
import { UpstreamLost } from './upstream.ts';

/** A browser or HTTP client that a web page made post mail commands. */
const httpLine =
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) |^(?:Host|User-Agent|Content-[A-Za-z]+) *:/i;

const lineFaults: Readonly<Record<LineFault, string>> = {
  'too-long': '500 5.5.2 Line too long',
  'bare-newline': '500 5.5.2 Lines end in CRLF',
  nul: '500 5.5.2 NUL in a command',
};

export class Session implements Member {
  place = -1;
  readonly #talk: Conversation;
  #idle = false;
  #stopping = false;

  constructor(socket: Socket, context: SessionContext) {
    this.#talk = new Conversation(socket, context);
  }

  /** Runs the session to its end. Never rejects. */
  async run(): Promise<void> {
    const { server, client, conduct, context } = this.#talk;
    try {
      if (!(await this.#greet())) return;
      while (await this.#next());
    } catch (error) {
      this.#giveUp(error);
    } finally {
      if (conduct.offence !== null) context.onOffence(conduct.offence);
      server.leave(this.#talk.isOpenBehind);
      client.end();
    }
  }

  /** Graceful shutdown: ends the session once no message is open; at once if it is idle. */
  stop(): void {
    this.#stopping = true;
    if (!this.#idle || this.#talk.transaction !== null) return;
    this.#talk.client.end('421 4.3.2 Shutting down\r\n');
  }

  /** Closes both connections at once. */
  destroy(): void {
    this.#talk.server.drop();
    this.#talk.client.destroy();
  }

  async #greet(): Promise<boolean> {
    const { server, client, context } = this.#talk;
    if (context.listener.tls === 'implicit') {
      await client.startTls(context.certificates!, context.options.timeouts.command);
      this.#talk.tls = true;
    }
    const greeting = await server.greeting();
    // RFC 5321 section 4.3.1: a client must wait for the greeting. Spam software sends its commands blindly.
    if (client.pending > 0) return this.#talk.earlyTalk('the greeting');
    client.say(greeting.text);
    return greeting.code === 220;
  }

  async #next(): Promise<boolean> {
    const { client, server, context, tls } = this.#talk;
    if (this.#mustStop()) return false;
    this.#idle = true;
    const line = await client.line(
      tls && !server.authenticated ? longestAuthLine : longestCommand,
      context.options.timeouts.command,
    );
    this.#idle = false;
    if (line === null) return false;
    if (line.fault !== undefined) {
      if (line.fault === 'bare-newline') this.#talk.report(['smtp-smuggling'], null, 500, line.text);
      client.say(`${lineFaults[line.fault]}\r\n`);
      return false;
    }
    if (this.#mustStop()) return false;
    // RFC 5321 section 4.1.1: tolerate white space before the line end.
    if (!(await this.#obey(line.text.replace(/[ \t]+$/, '')))) return false;
    if (!this.#talk.conduct.isTooMuch) return true;
    client.say('421 4.7.0 Too many errors\r\n');
    return false;
  }

  /** Says goodbye if the guard is shutting down and no message is open. */
  #mustStop(): boolean {
    if (!this.#stopping || this.#talk.transaction !== null) return false;
    this.#talk.client.say('421 4.3.2 Shutting down\r\n');
    return true;
  }

  /** @returns whether the session goes on */
  #obey(line: string): boolean | Promise<boolean> {
    const talk = this.#talk;
    const verb = /^[A-Za-z]{1,16}(?=[ \t:]|$)/.exec(line)?.[0].toUpperCase() ?? '';
    if (talk.transaction === null && verb !== 'MAIL') talk.conduct.idleCommand();
    switch (verb) {
      case 'RCPT':
        return rcpt(talk, line);
      case 'MAIL':
        return mail(talk, line);
      case 'DATA':
        return data(talk, line);
      case 'EHLO':
      case 'HELO':
        return hello(talk, verb, line);
      case 'STARTTLS':
        return startTls(talk, line);
      case 'AUTH':
        return auth(talk, line);
      case 'RSET':
        return reset(talk, line);
      case 'NOOP':
        return talk.answer('250 2.0.0 OK');
      case 'VRFY':
        return talk.answer('252 2.0.0 Send some mail, to find out');
      case 'QUIT':
        talk.client.bye('221 2.0.0 Bye\r\n');
        return false;
      case 'EXPN':
      case 'HELP':
      case 'ETRN':
      case 'TURN':
      case 'BDAT':
      case 'XCLIENT':
      case 'XFORWARD':
        return talk.answer('502 5.5.1 Command not offered');
      default:
        if (httpLine.test(line)) {
          talk.client.say('554 5.5.1 This is a mail server\r\n');
          return false;
        }
        return talk.answer('500 5.5.2 Command not recognized');
    }
  }

  #giveUp(error: unknown): void {
    if (error instanceof ClientGone) return;
    const { client, context } = this.#talk;
    if (error instanceof ClientSlow) client.say('421 4.4.2 Timeout\r\n');
    else {
      if (!(error instanceof UpstreamLost)) context.log.error({ err: error }, 'smtp: a session failed');
      client.say('421 4.3.2 Mail server not available, try again later\r\n');
    }
  }
}
