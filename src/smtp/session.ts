/**
 * One client's session: every command is read, judged and written anew for the mail server; nothing is passed through.
 * One command at a time is under way, so that each reply belongs to the command it is for.
 */
import type { Socket } from 'node:net';
import type { RuleId } from '../rules/catalogue.ts';
import { judgeRecipient, judgeSender, type PathVerdict, refusal, type Standing } from '../rules/smtp.ts';
import { authRequest, authResponse } from './auth.ts';
import { authMechanisms, type Capabilities, capabilitiesOf, noCapabilities, offer } from './capabilities.ts';
import { ClientChannel, ClientGone, ClientSlow, longestAuthLine, longestCommand } from './client-channel.ts';
import type { LineFault } from './command-lines.ts';
import { Conduct, type MessageEnd } from './conduct.ts';
import { NormalizingScanner, StrictScanner } from './data-scanner.ts';
import { transfer } from './data-transfer.ts';
import { mailEvent } from './mail-event.ts';
import { type Parameters, recipientParameters, senderParameters } from './parameters.ts';
import { type Reply, reply } from './reply.ts';
import { ServerSide } from './server-side.ts';
import { listenerName, type SessionContext } from './session-context.ts';
import { UpstreamLost } from './upstream.ts';

/** A message under way: MAIL was accepted by the mail server. */
interface Transaction {
  readonly utf8: boolean;
  /** Recipients that it took as well. */
  recipients: number;
}

/** A domain or address literal, loosely: real clients give host names with underscores, and the mail server decides. */
const heloName = /^[A-Za-z0-9._:[\]\x80-\xff-]{1,255}$/;
/** A browser or HTTP client that was talked into posting mail commands. */
const httpLine =
  /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) |^(?:Host|User-Agent|Content-[A-Za-z]+) *:/i;

const lineFaults: Readonly<Record<LineFault, string>> = {
  'too-long': '500 5.5.2 Line too long',
  'bare-newline': '500 5.5.2 Lines end in CRLF',
  nul: '500 5.5.2 NUL in a command',
};

export class Session {
  readonly #context: SessionContext;
  readonly #client: ClientChannel;
  readonly #server: ServerSide;
  #offered: Capabilities = noCapabilities;
  #sender = '';
  #transaction: Transaction | null = null;
  #tls = false;
  readonly #conduct: Conduct;
  #idle = false;
  #stopping = false;

  constructor(socket: Socket, context: SessionContext) {
    this.#context = context;
    this.#client = new ClientChannel(socket);
    this.#conduct = new Conduct(context.options.limits);
    this.#server = new ServerSide(context);
  }

  /** Serves the client to its end. Never rejects. */
  async run(): Promise<void> {
    try {
      if (!(await this.#greet())) return;
      while (await this.#next());
    } catch (error) {
      this.#giveUp(error);
    } finally {
      const { offence } = this.#conduct;
      if (offence !== null) this.#context.onOffence(offence);
      this.#server.leave(this.#transaction !== null);
      this.#client.end();
    }
  }

  /** Ends the session as soon as no message is under way: at once where the client is not waiting for an answer. */
  stop(): void {
    this.#stopping = true;
    if (!this.#idle || this.#transaction !== null) return;
    this.#client.end('421 4.3.2 Shutting down\r\n');
  }

  /** Ends it without a word. */
  destroy(): void {
    this.#server.drop();
    this.#client.destroy();
  }

  get #standing(): Standing {
    return this.#context.mayRelay || this.#server.authenticated ? 'relaying' : 'outside';
  }

  async #greet(): Promise<boolean> {
    const greeting = await this.#server.greeting();
    // RFC 5321 section 4.3.1: a client waits for the greeting. One that does not has its commands ready-made.
    if (this.#client.pending > 0) return this.#earlyTalk('the greeting');
    this.#client.say(greeting.text);
    return greeting.code === 220;
  }

  async #next(): Promise<boolean> {
    const { timeouts } = this.#context.options;
    this.#idle = true;
    const line = await this.#client.line(
      this.#tls && !this.#server.authenticated ? longestAuthLine : longestCommand,
      timeouts.command,
    );
    this.#idle = false;
    if (line === null) return false;
    if (line.fault !== undefined) {
      if (line.fault === 'bare-newline') this.#report(['smtp-smuggling'], null, 500, line.text);
      this.#client.say(`${lineFaults[line.fault]}\r\n`);
      return false;
    }
    if (this.#stopping && this.#transaction === null) {
      this.#client.say('421 4.3.2 Shutting down\r\n');
      return false;
    }
    const goOn = await this.#obey(line.text);
    if (!goOn) return false;
    if (this.#conduct.isTooMuch) {
      this.#client.say('421 4.7.0 Too many errors\r\n');
      return false;
    }
    return true;
  }

  /** @returns whether the session goes on */
  #obey(line: string): boolean | Promise<boolean> {
    const verb = /^[A-Za-z]{1,16}(?=[ \t:]|$)/.exec(line)?.[0].toUpperCase() ?? '';
    if (this.#transaction === null && verb !== 'MAIL') this.#conduct.idleCommand();
    switch (verb) {
      case 'RCPT':
        return this.#rcpt(line);
      case 'MAIL':
        return this.#mail(line);
      case 'DATA':
        return this.#data(line);
      case 'EHLO':
      case 'HELO':
        return this.#hello(verb, line);
      case 'STARTTLS':
        return this.#startTls(line);
      case 'AUTH':
        return this.#auth(line);
      case 'RSET':
        return this.#reset(line);
      case 'NOOP':
        return this.#answer('250 2.0.0 OK');
      case 'VRFY':
        return this.#answer('252 2.0.0 Send some mail, to find out');
      case 'QUIT':
        this.#client.say('221 2.0.0 Bye\r\n');
        return false;
      case 'EXPN':
      case 'HELP':
      case 'ETRN':
      case 'TURN':
      case 'BDAT':
      case 'XCLIENT':
      case 'XFORWARD':
        return this.#answer('502 5.5.1 Command not offered');
      default:
        if (httpLine.test(line)) {
          this.#client.say('554 5.5.1 This is a mail server\r\n');
          return false;
        }
        return this.#answer('500 5.5.2 Command not recognized');
    }
  }

  async #hello(verb: 'EHLO' | 'HELO', line: string): Promise<boolean> {
    const name = line.slice(5).trim();
    if (!heloName.test(name)) return this.#answer(`501 5.5.4 Syntax: ${verb} hostname`);
    this.#endMessage('abandoned');
    const answer = await this.#server.introduce(`${verb} ${name}`);
    if (answer.code !== 250) return this.#pass(answer);
    this.#offered = verb === 'EHLO' ? capabilitiesOf(answer) : noCapabilities;
    const { secureContext, options } = this.#context;
    const lines =
      verb === 'HELO'
        ? []
        : offer(this.#offered, {
            startTls: secureContext !== null && !this.#tls,
            auth: this.#tls && !this.#server.authenticated,
            largest: options.limits.message,
          });
    return this.#pass(reply(250, [answer.lines[0]!, ...lines]));
  }

  async #mail(line: string): Promise<boolean> {
    const text = /^MAIL FROM:(.*)$/is.exec(line)?.[1];
    if (text === undefined) return this.#answer('501 5.5.4 Syntax: MAIL FROM:<address>');
    const verdict = this.#judge(() => judgeSender(text, this.#context.policy, this.#standing));
    if (verdict === null) return this.#answer('554 5.7.1 Sender refused');
    if (verdict.action === 'block') return this.#refuse(verdict, 'sender', line);
    const parameters = senderParameters(verdict.path.parameters, this.#offered, this.#context.options);
    const refused = refuseParameters(
      parameters,
      verdict.canonical,
      !('refuse' in parameters) && parameters.utf8,
    );
    if (refused !== null) return this.#answer(refused);
    const { text: written, utf8 } = parameters as Exclude<Parameters, { refuse: string }>;
    const answer = await this.#server.begin(`MAIL FROM:<${verdict.canonical}>${written}`);
    if (isDone(answer)) {
      this.#transaction = { utf8, recipients: 0 };
      this.#sender = line;
    }
    return this.#pass(answer);
  }

  async #rcpt(line: string): Promise<boolean> {
    const { options, policy } = this.#context;
    const text = /^RCPT TO:(.*)$/is.exec(line)?.[1];
    if (text === undefined) return this.#answer('501 5.5.4 Syntax: RCPT TO:<address>');
    const verdict = this.#judge(() => judgeRecipient(text, policy, this.#standing));
    if (verdict === null) return this.#answer('554 5.7.1 Relaying refused');
    const transaction = this.#transaction;
    if (this.#conduct.isOverdone) return this.#answer('452 4.5.3 Too many recipients');
    if (verdict.action === 'block') return this.#refuse(verdict, 'recipient', line);
    if (transaction === null) return this.#answer('503 5.5.1 MAIL first');
    if (transaction.recipients >= options.limits.recipients)
      return this.#answer('452 4.5.3 Too many recipients');
    const parameters = recipientParameters(verdict.path.parameters, this.#offered, policy, this.#standing);
    const refused = refuseParameters(parameters, verdict.canonical, transaction.utf8);
    if (refused !== null) return this.#answer(refused);
    const { text: written } = parameters as Exclude<Parameters, { refuse: string }>;
    const answer = await this.#server.command(`RCPT TO:<${verdict.canonical}>${written}`);
    const taken = isDone(answer);
    if (taken) transaction.recipients++;
    this.#conduct.recipientPassed(taken);
    // Mail of a whole office has dead addresses in it.
    return this.#standing === 'relaying' ? this.#pass(answer, 0) : this.#pass(answer);
  }

  async #data(line: string): Promise<boolean> {
    if (line.length !== 4) return this.#answer('501 5.5.4 Syntax: DATA');
    if (this.#transaction === null) return this.#answer('503 5.5.1 MAIL first');
    if (this.#transaction.recipients === 0) return this.#answer('554 5.5.1 No valid recipients');
    // RFC 2920 section 3.1: DATA ends a group. What comes before 354 would be commands here and a message there.
    if (this.#client.pending > 0) return this.#earlyTalk('354');
    const start = await this.#server.command('DATA');
    if (start.code !== 354) return this.#pass(start);
    const { upstream } = this.#server;
    if (this.#client.pending > 0) {
      upstream.drop();
      return this.#earlyTalk('354');
    }
    this.#client.say(start.text);
    const { bareNewline, limits, timeouts } = this.#context.options;
    const end = await transfer({
      client: this.#client,
      upstream,
      scanner: bareNewline === 'refuse' ? new StrictScanner() : new NormalizingScanner(),
      largest: limits.message,
      timeout: timeouts.data,
    });
    const delivered = end === 'sent' ? await this.#server.delivery().catch(() => null) : null;
    this.#endMessage(delivered !== null && isDone(delivered) ? 'delivered' : 'refused');
    switch (end) {
      case 'sent':
        // It may have been accepted or not: the client has to send it again, as RFC 5321 section 4.5.4.1 has it.
        return delivered === null
          ? this.#answer('451 4.3.0 Mail server lost, try again')
          : this.#pass(delivered);
      case 'bare-newline':
        this.#report(['smtp-smuggling'], null, 550, 'DATA');
        return this.#answer('550 5.6.11 Bare CR or LF in the message');
      case 'too-big':
        return this.#answer('552 5.3.4 Message too big');
      case 'upstream-lost':
        return this.#answer('451 4.3.0 Mail server lost, try again');
      case 'upstream-hangs':
        this.#client.say('421 4.3.0 Mail server lost, try again\r\n');
        return false;
      case 'client-slow':
        throw new ClientSlow('no data in time');
      case 'client-gone':
        return false;
    }
  }

  async #reset(line: string): Promise<boolean> {
    if (line.length !== 4) return this.#answer('501 5.5.4 Syntax: RSET');
    if (this.#transaction === null) return this.#answer('250 2.0.0 OK');
    const answer = await this.#server.command('RSET');
    this.#endMessage('abandoned');
    return this.#pass(answer);
  }

  async #startTls(line: string): Promise<boolean> {
    const { secureContext, options } = this.#context;
    if (secureContext === null || this.#tls) return this.#answer('502 5.5.1 STARTTLS not offered');
    if (line.length !== 8) return this.#answer('501 5.5.4 Syntax: STARTTLS');
    // CVE-2011-0411: commands sent in the clear behind STARTTLS must not be carried out under TLS.
    if (this.#client.pending > 0) return this.#earlyTalk('TLS');
    this.#client.say('220 2.0.0 Ready to start TLS\r\n');
    // RFC 3207 section 4.2: all knowledge of the session before it is thrown away, at the mail server too.
    this.#server.leave(this.#transaction !== null);
    this.#offered = noCapabilities;
    this.#endMessage('abandoned');
    await this.#client.startTls(secureContext, options.timeouts.command);
    this.#tls = true;
    return true;
  }

  async #auth(line: string): Promise<boolean> {
    if (this.#server.authenticated || this.#transaction !== null) return this.#answer('503 5.5.1 Not now');
    if (!this.#tls) return this.#answer('538 5.7.11 Encryption required');
    const request = authRequest(line, authMechanisms(this.#offered));
    if ('refuse' in request) return this.#answer(request.refuse);
    let answer = await this.#server.begin(line);
    while (answer.code === 334) {
      this.#client.say(answer.text);
      const next = await this.#client.line(longestAuthLine, this.#context.options.timeouts.command);
      if (next === null || next.fault !== undefined) return false;
      answer = await this.#server.command(authResponse(next.text));
    }
    if (answer.code === 235) this.#server.authenticated = true;
    return this.#pass(answer);
  }

  /** A check that fails denies. */
  #judge(decide: () => PathVerdict): PathVerdict | null {
    try {
      return decide();
    } catch (error) {
      this.#context.log.error({ err: error }, 'smtp: a check failed; the address was refused');
      return null;
    }
  }

  #refuse(verdict: PathVerdict, of: 'sender' | 'recipient', line: string): boolean {
    const text = refusal(verdict, of);
    this.#report(verdict.rules, verdict, Number(text.slice(0, 3)), line);
    if (of === 'sender') return this.#answer(text);
    if (this.#standing === 'outside')
      this.#conduct.recipientRefused(verdict.rule!, this.#transaction !== null);
    return this.#answer(text, 0);
  }

  #endMessage(how: MessageEnd): void {
    if (how === 'delivered') this.#context.onDelivered();
    if (this.#transaction !== null) this.#conduct.messageEnded(how);
    this.#transaction = null;
  }

  #earlyTalk(before: string): false {
    const bytes = this.#client.peek();
    this.#report(['smtp-early-talk'], null, 521, bytes);
    this.#client.say(`521 5.5.1 Talked before ${before}\r\n`);
    return false;
  }

  #report(rules: readonly RuleId[], verdict: PathVerdict | null, answer: number, request: string): void {
    const { ends, onEvent } = this.#context;
    const { helo } = this.#server;
    const sender = this.#transaction === null ? '' : `${this.#sender}\r\n`;
    const before = (helo === null ? '' : `${helo}\r\n`) + sender;
    const effective = verdict?.effective ?? null;
    const [listener, client] = [listenerName(ends), ends.address];
    onEvent(mailEvent({ time: Date.now(), listener, client, rules, effective, answer, request, before }));
  }

  /** @param cost errors that a 5yz counts as */
  #answer(text: string, cost: 0 | 1 = 1): true {
    if (cost > 0 && text.startsWith('5')) this.#conduct.error();
    this.#client.say(`${text}\r\n`);
    return true;
  }

  #pass(answer: Reply, cost: 0 | 1 = 1): boolean {
    if (cost > 0 && answer.code >= 500) this.#conduct.error();
    this.#client.say(answer.text);
    return answer.code !== 421;
  }

  #giveUp(error: unknown): void {
    if (error instanceof ClientGone) return;
    if (error instanceof ClientSlow) this.#client.say('421 4.4.2 Timeout\r\n');
    else {
      if (!(error instanceof UpstreamLost)) this.#context.log.error({ err: error }, 'smtp: a session failed');
      this.#client.say('421 4.3.2 Mail server not available, try again later\r\n');
    }
  }
}

const isDone = ({ code }: Reply): boolean => code >= 200 && code < 300;

function refuseParameters(parameters: Parameters, mailbox: string, utf8: boolean): string | null {
  if ('refuse' in parameters) return parameters.refuse;
  // RFC 6531 section 3.4.
  return /[\x80-\xff]/.test(mailbox) && !utf8 ? '553 5.6.7 Non-ASCII address without SMTPUTF8' : null;
}
