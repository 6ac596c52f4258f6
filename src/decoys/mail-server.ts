/**
 * A mail server (RFC 5321) that plays along up to RCPT or AUTH, and refuses there. A session without either is recorded once, at its end.
 */
import { judgeFirstBytes } from '../judge.ts';
import type { Answer, RuleId } from '../rules/catalogue.ts';
import { nothingWanted } from '../rules/intent.ts';
import { judgeRecipient, type MailPolicy, type PathVerdict } from '../rules/smtp.ts';
import { classifyFirstBytes } from '../wire/first-bytes.ts';
import {
  type Asked,
  type Conversation,
  converse,
  credentials,
  type Step,
  uncounted,
  wish,
} from './conversation.ts';
import { pairOf, plainCredentials } from './credentials.ts';
import { decoyPolicy } from './decoy-policy.ts';
import { dropped, type RefuseHttp } from './refusals.ts';

/** Commands of one session; then 421. */
const mostCommands = 50;
/** Bytes of one session. */
const longestSession = 16_384;
/** Bytes of earlier commands recorded with a recipient, and of the commands of a session without one. */
const mostBefore = 2048;

interface Reply {
  readonly say: string;
  readonly asked?: Asked;
  /** The session ends with this reply. */
  readonly ends?: boolean;
}

/** Owns every domain, so that routes are followed: the sender believes that this server is the one after the last `@`. */
const takenForOurs: MailPolicy = { owns: () => true };

/** The rules a recipient breaks; at least `smtp-foreign-recipient`, since a decoy owns no domain. */
const rulesOf = (verdict: PathVerdict): readonly RuleId[] =>
  verdict.rules.length > 0 ? verdict.rules : ['smtp-foreign-recipient'];

/** @param name in the greeting: an address literal, which is true of every server */
export function mailConversation(name: string): Conversation {
  const session = new MailSession(name);
  return {
    greeting: Buffer.from(`220 ${name} ESMTP\r\n`),
    limit: longestSession,
    read: (bytes, last) => session.read(bytes, last),
  };
}

class MailSession {
  readonly #name: string;
  #at = 0;
  #commands = 0;
  #before = '';
  /** What AUTH expects in the next line; null: the next line is a command. */
  #prompt: 'plain' | 'name' | 'password' | null = null;
  #user = '';
  /** The commands of a session that has asked for nothing yet, without credentials; null: it has. */
  #commandsSoFar: string | null = '';
  /** A command of SMTP was among them. */
  #spoken = false;
  /** The last command was AUTH, or its credentials. */
  #signingIn = false;
  /** The code of the last reply. */
  #answered: Answer = 'drop';

  constructor(name: string) {
    this.#name = name;
  }

  read(bytes: Buffer, last: boolean): Step {
    if (this.#at === 0 && speaksOther(bytes)) return otherProtocol(bytes, last);
    const asked: Asked[] = [];
    let say = '';
    for (;;) {
      const end = bytes.indexOf(0x0a, this.#at);
      // Wait for the line end, unless nothing more comes.
      if (end === -1 && (!last || this.#at === bytes.length)) break;
      const line = bytes.toString('latin1', this.#at, end === -1 ? bytes.length : end).replace(/\r$/, '');
      this.#at = end === -1 ? bytes.length : end + 1;
      const expected = this.#prompt;
      const reply = this.#answer(line);
      say += reply.say;
      this.#answered = Number(reply.say.slice(0, 3));
      if (reply.asked !== undefined) asked.push(reply.asked);
      this.#note(line, expected !== null, reply);
      if (reply.ends === true || ++this.#commands >= mostCommands) {
        if (reply.ends !== true) {
          say += '421 4.7.0 Too many commands\r\n';
          this.#answered = 421;
        }
        return this.#end(asked, say);
      }
    }
    if (last) return this.#end(asked, say);
    return { more: true, asked, ...(say === '' ? {} : { say: Buffer.from(say) }) };
  }

  #end(asked: readonly Asked[], say: string): Step {
    const refuse = { bytes: Buffer.from(say), answer: this.#answered };
    // Nothing at all was sent: other decoys do not record that either.
    if (this.#commandsSoFar === null || this.#commandsSoFar === '') return { more: false, asked, refuse };
    const wanted = this.#spoken ? { ...nothingWanted, protocol: 'SMTP' } : nothingWanted;
    // Not counted: mail servers also leave early, to verify an address or because there is no STARTTLS.
    const verdict = uncounted('not-http', 'the mail session ended without a recipient or a sign-in', wanted);
    const offered = this.#user === '' ? {} : { offered: pairOf(this.#user, '') };
    return {
      more: false,
      asked: [{ ...wish(verdict, this.#commandsSoFar), ...offered, answer: this.#answered }],
      refuse,
    };
  }

  /** Notes a command for the event at the end. @param secret the line answers a prompt for credentials */
  #note(line: string, secret: boolean, { asked }: Reply): void {
    if (asked !== undefined) this.#commandsSoFar = null;
    if (this.#commandsSoFar === null) return;
    const command = !secret && classifyFirstBytes(Buffer.from(`${line}\r\n`)) === 'smtp';
    if (command) this.#spoken = true;
    // A client that does not wait sends its credentials after a refused AUTH too.
    const hidden = secret || (this.#signingIn && !command);
    this.#signingIn = hidden || /^AUTH\b/i.test(line);
    const shown = hidden ? credentials : line.replace(/^(AUTH[ \t]+[^ \t]+[ \t]+).+$/is, `$1${credentials}`);
    if (this.#commandsSoFar.length < mostBefore) this.#commandsSoFar += `${shown.slice(0, 512)}\r\n`;
  }

  #answer(line: string): Reply {
    if (this.#prompt !== null) return this.#credential(line, this.#prompt);
    const [, verb = '', rest = ''] = /^([A-Za-z]*)[ \t]*(.*)$/s.exec(line)!;
    switch (verb.toUpperCase()) {
      case 'HELO':
        return this.#noted(line, `250 ${this.#name}\r\n`);
      case 'EHLO':
      case 'LHLO':
        return this.#noted(
          line,
          `250-${this.#name}\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-AUTH PLAIN LOGIN\r\n` +
            '250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n',
        );
      case 'MAIL':
        return /^FROM:/i.test(rest)
          ? this.#noted(line, '250 2.1.0 Ok\r\n')
          : { say: '501 5.5.4 Syntax: MAIL FROM:<address>\r\n' };
      case 'RCPT':
        return /^TO:/i.test(rest)
          ? this.#recipient(line, rest.slice(3))
          : { say: '501 5.5.4 Syntax: RCPT TO:<address>\r\n' };
      case 'AUTH':
        return this.#authenticate(rest);
      case 'DATA':
      case 'BDAT':
        return { say: '554 5.5.1 No valid recipients\r\n' };
      case 'RSET':
      case 'NOOP':
        return { say: '250 2.0.0 Ok\r\n' };
      case 'QUIT':
        return { say: '221 2.0.0 Bye\r\n', ends: true };
      default:
        return { say: '502 5.5.2 Command not recognized\r\n' };
    }
  }

  #noted(line: string, say: string): Reply {
    if (this.#before.length < mostBefore) this.#before += `${line.slice(0, 512)}\r\n`;
    return { say };
  }

  #recipient(line: string, path: string): Reply {
    const recipient = judgeRecipient(path, takenForOurs, 'outside');
    return {
      say: '554 5.7.1 Relay access denied\r\n',
      asked: {
        kind: 'mail',
        rules: rulesOf(recipient),
        recipient,
        line,
        before: this.#before,
        answer: 554,
      },
    };
  }

  /** AUTH (RFC 4954 section 4): takes the credentials to the end, and refuses them. */
  #authenticate(rest: string): Reply {
    const [mechanism = '', initial = ''] = rest.split(/[ \t]+/);
    switch (mechanism.toUpperCase()) {
      case '':
        return { say: '501 5.5.4 Syntax: AUTH mechanism\r\n' };
      case 'PLAIN':
        if (initial !== '' && initial !== '=') return this.#refused('PLAIN', plainCredentials(initial));
        this.#prompt = 'plain';
        return { say: '334 \r\n' };
      case 'LOGIN':
        this.#user = decoded(initial);
        this.#prompt = initial === '' ? 'name' : 'password';
        return { say: initial === '' ? '334 VXNlcm5hbWU6\r\n' : '334 UGFzc3dvcmQ6\r\n' };
      default:
        // No credentials to record: naming a mechanism offers none.
        return { say: '504 5.5.4 Unrecognized authentication type\r\n' };
    }
  }

  #credential(line: string, prompt: 'plain' | 'name' | 'password'): Reply {
    this.#prompt = null;
    if (line === '*') return { say: '501 5.7.0 Authentication aborted\r\n' };
    if (prompt === 'plain') return this.#refused('PLAIN', plainCredentials(line));
    if (prompt === 'password') return this.#refused('LOGIN', pairOf(this.#user, decoded(line)));
    this.#user = decoded(line);
    this.#prompt = 'password';
    return { say: '334 UGFzc3dvcmQ6\r\n' };
  }

  #refused(mechanism: string, offered: string): Reply {
    return {
      say: '535 5.7.8 Authentication credentials invalid\r\n',
      asked: {
        kind: 'mail',
        rules: ['smtp-auth-failed'],
        recipient: null,
        line: `AUTH ${mechanism} ${credentials}`,
        before: this.#before,
        offered,
        answer: 535,
      },
    };
  }
}

const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString('latin1');

/** A web page can make a browser post a form whose fields are mail commands; its first line gives it away. */
function speaksOther(bytes: Buffer): boolean {
  if (/^[A-Z]+ \S+ HTTP\/1\.[01]\r?\n/.test(bytes.toString('latin1', 0, 4096))) return true;
  const protocol = classifyFirstBytes(bytes);
  if (protocol === 'smtp') return false;
  if (protocol === 'unknown' || protocol === 'http-1' || protocol === 'http-0.9')
    return judgeFirstBytes(bytes, decoyPolicy) !== null;
  return true;
}

const notMail = { bytes: Buffer.from('500 5.5.2 Command not recognized\r\n'), answer: 500 };
/** Gives no reply in the other protocol. */
const silent: RefuseHttp = () => dropped;

/** Records the other protocol by its own rule, and answers as a mail server would. */
function otherProtocol(bytes: Buffer, last: boolean): Step {
  const step = converse(bytes, last, silent);
  if (step.more) return { more: true };
  return {
    more: false,
    asked: step.asked.map((one) => ({ ...one, answer: notMail.answer })),
    refuse: notMail,
  };
}
