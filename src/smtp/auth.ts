/** AUTH (RFC 4954): the exchange is the mail server's affair, but only what can be part of one reaches it. */
import { authMechanisms } from './capabilities.ts';
import { longestAuthLine } from './client-channel.ts';
import type { Conversation } from './conversation.ts';

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** AUTH. @returns whether the session goes on */
export async function auth(talk: Conversation, line: string): Promise<boolean> {
  const { server, client } = talk;
  if (server.authenticated || talk.transaction !== null) return talk.answer('503 5.5.1 Not now');
  if (talk.context.door.auth === 'none') return talk.answer('502 5.5.1 AUTH not offered');
  if (!talk.tls) return talk.answer('538 5.7.11 Encryption required');
  const request = authRequest(line, authMechanisms(talk.offered));
  if ('refuse' in request) return talk.answer(request.refuse);
  let answer = await server.begin(line);
  while (answer.code === 334) {
    client.say(answer.text);
    const next = await client.line(longestAuthLine, talk.context.options.timeouts.command);
    if (next === null || next.fault !== undefined) return false;
    answer = await server.command(authResponse(next.text));
  }
  if (answer.code === 235) server.authenticated = true;
  return talk.pass(answer);
}

/**
 * Reads an AUTH line.
 *
 * @param mechanisms those that are offered, upper case
 * @returns the refusal, where it may not go on
 */
export function authRequest(
  line: string,
  mechanisms: readonly string[],
): { refuse: string } | { mechanism: string } {
  const match = /^AUTH ([A-Za-z0-9_-]{1,20})(?: (\S+))?$/i.exec(line);
  const [, mechanism = '', initial = '='] = match ?? [];
  if (match === null || (initial !== '=' && !base64.test(initial)))
    return { refuse: '501 5.5.4 Syntax: AUTH mechanism' };
  return mechanisms.includes(mechanism.toUpperCase())
    ? { mechanism }
    : { refuse: '504 5.5.4 Mechanism not offered' };
}

/** RFC 4954 section 4: base64, or a * that breaks off. Nothing else may reach the mail server as a line. */
export const authResponse = (line: string): string => (base64.test(line) ? line : '*');
