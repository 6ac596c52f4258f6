/** AUTH (RFC 4954): relays the exchange to the mail server, passes only lines that can be part of one, and counts the outcome. */
import { authMechanisms } from './capabilities.ts';
import { longestAuthLine } from './client-channel.ts';
import type { Conversation } from './conversation.ts';
import { type SignIn, signIn } from './credentials.ts';
import type { Reply } from './reply.ts';

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** AUTH. @returns whether the session goes on */
export async function auth(talk: Conversation, line: string): Promise<boolean> {
  const { server, client, context } = talk;
  if (server.authenticated || talk.transaction !== null) return talk.answer('503 5.5.1 Not now');
  if (context.listener.auth === 'none') return talk.answer('502 5.5.1 AUTH not offered');
  if (!talk.tls) return talk.answer('538 5.7.11 Encryption required');
  const request = authRequest(line, authMechanisms(talk.offered));
  if ('refuse' in request) return talk.answer(request.refuse);
  const mechanism = request.mechanism.toUpperCase();
  const said = request.initial === null ? [] : [request.initial];
  const who = (): SignIn => signIn(mechanism, said, context.prefix);
  if (!mayTry(talk, who())) return tooOften(talk, who().account);
  let answer = await server.signIn(line);
  while (answer.code === 334) {
    client.say(answer.text);
    const next = await client.line(longestAuthLine, context.options.timeouts.command);
    if (next === null || next.fault !== undefined) return false;
    said.push(authResponse(next.text));
    if (!mayTry(talk, who())) {
      await server.command('*');
      return tooOften(talk, who().account);
    }
    answer = await server.command(said.at(-1)!);
  }
  return ended(talk, mechanism, who(), answer);
}

const mayTry = ({ context }: Conversation, { account }: SignIn): boolean =>
  account === '' || context.accounts.mayTry(account, context.prefix, context.options.submission.limits);

/** 454, a temporary failure: the client keeps its password and retries later. */
function tooOften(talk: Conversation, account: string): true {
  talk.reportSignIn(account, 454);
  return talk.answer('454 4.7.0 Too many failed tries, try again later');
}

function ended(talk: Conversation, mechanism: string, who: SignIn, answer: Reply): boolean {
  const { context, server } = talk;
  if (answer.code === 235) {
    server.authenticated = true;
    talk.account = who.account;
    context.accounts.succeeded(who.account, context.prefix);
    return talk.pass(answer);
  }
  // RFC 4954 section 6: 535 means wrong credentials, 501 that the client cancelled.
  if (answer.code !== 535) return talk.pass(answer);
  const counts = context.accounts.failed(who.account, who.fingerprint);
  talk.reportSignIn(`${mechanism} ${who.account}`, answer.code);
  if (counts && !context.mayRelay) context.onOffence('smtp-auth-failed');
  if (!context.isBanned()) return talk.pass(answer);
  talk.client.say('421 4.7.0 Too many failed tries, try again later\r\n');
  return false;
}

/**
 * Reads an AUTH line.
 *
 * @param mechanisms the offered ones, upper case
 * @returns the mechanism and initial response, or the refusal
 */
export function authRequest(
  line: string,
  mechanisms: readonly string[],
): { refuse: string } | { mechanism: string; initial: string | null } {
  const match = /^AUTH ([A-Za-z0-9_-]{1,20})(?: (\S+))?$/i.exec(line);
  const [, mechanism = '', initial = null] = match ?? [];
  if (match === null || (initial !== null && initial !== '=' && !base64.test(initial)))
    return { refuse: '501 5.5.4 Syntax: AUTH mechanism' };
  return mechanisms.includes(mechanism.toUpperCase())
    ? { mechanism, initial }
    : { refuse: '504 5.5.4 Mechanism not offered' };
}

/** RFC 4954 section 4: base64, or `*` to cancel. Anything else could reach the mail server as a command. */
export const authResponse = (line: string): string => (base64.test(line) ? line : '*');
