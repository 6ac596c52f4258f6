/** EHLO, HELO and STARTTLS: who the client says it is, and what is agreed on. */
import { capabilitiesOf, noCapabilities, offer } from './capabilities.ts';
import type { Conversation } from './conversation.ts';
import { reply } from './reply.ts';

/** EHLO and HELO. @returns whether the session goes on */
export async function hello(talk: Conversation, verb: 'EHLO' | 'HELO', line: string): Promise<boolean> {
  const name = heloName(line.slice(5));
  if (name === null) return talk.answer(`501 5.5.4 Syntax: ${verb} hostname`);
  talk.endMessage('abandoned');
  const answer = await talk.server.introduce(`${verb} ${name}`);
  if (answer.code !== 250) return talk.pass(answer);
  const withheld = talk.relayRight === 'outside' ? talk.context.options.withhold : [];
  talk.offered = verb === 'EHLO' ? capabilitiesOf(answer, withheld) : noCapabilities;
  const { certificates, door, options } = talk.context;
  const lines =
    verb === 'HELO'
      ? []
      : offer(talk.offered, {
          startTls: certificates !== null && !talk.tls,
          auth: talk.tls && door.auth !== 'none' && !talk.server.authenticated,
          largest: options.limits.message,
        });
  return talk.pass(reply(250, [answer.lines[0]!, ...lines]));
}

/**
 * The name as Postfix takes it: the first word, whatever it is, with the signs that mean something in addresses and headers
 * made harmless. Phones and office PCs say `John's-iPhone`, `WIN_7` and worse, and the mail server decides on it.
 */
function heloName(text: string): string | null {
  const word = /^[ \t]*([^ \t]+)/.exec(text)?.[1];
  return word === undefined || word.length > 255 ? null : word.replace(/[<>()\\";@\0-\x1f\x7f]/g, '?');
}

/** STARTTLS. @returns whether the session goes on */
export async function startTls(talk: Conversation, line: string): Promise<boolean> {
  const { certificates, options } = talk.context;
  if (certificates === null || talk.tls) return talk.answer('502 5.5.1 STARTTLS not offered');
  if (line.length !== 8) return talk.answer('501 5.5.4 Syntax: STARTTLS');
  // CVE-2011-0411: commands sent in the clear behind STARTTLS must not be carried out under TLS.
  if (talk.client.pending > 0) return talk.earlyTalk('TLS');
  talk.client.say('220 2.0.0 Ready to start TLS\r\n');
  // RFC 3207 section 4.2: all knowledge of the session before it is thrown away, at the mail server too.
  talk.server.startOver(talk.transaction !== null);
  talk.offered = noCapabilities;
  talk.endMessage('abandoned');
  await talk.client.startTls(certificates, options.timeouts.command);
  talk.tls = true;
  return true;
}
