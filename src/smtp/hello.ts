/** EHLO, HELO and STARTTLS: the client's name, and the extensions offered to it. */
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
  talk.mailRefused = false;
  const withheld = talk.relayRight === 'outside' ? talk.context.options.withhold : [];
  talk.offered = verb === 'EHLO' ? capabilitiesOf(answer, withheld) : noCapabilities;
  const { certificates, listener, options } = talk.context;
  const lines =
    verb === 'HELO'
      ? []
      : offer(talk.offered, {
          startTls: certificates !== null && !talk.tls,
          auth: talk.tls && listener.auth !== 'none' && !talk.server.authenticated,
          largest: options.limits.message,
        });
  return talk.pass(reply(250, [answer.lines[0]!, ...lines]));
}

/**
 * The name as Postfix reads it: the first word, with characters that have a meaning in addresses and headers replaced. Phones and
 * office PCs send `John's-iPhone`, `WIN_7` and worse; the mail server decides whether to accept it.
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
  // CVE-2011-0411: plaintext commands sent after STARTTLS must not be carried out under TLS.
  if (talk.client.pending > 0) return talk.earlyTalk('TLS');
  talk.client.say('220 2.0.0 Ready to start TLS\r\n');
  // RFC 3207 section 4.2: discard everything learned before TLS, at the mail server too.
  talk.server.startOver(talk.isOpenBehind);
  talk.offered = noCapabilities;
  talk.endMessage('abandoned');
  await talk.client.startTls(certificates, options.timeouts.command);
  talk.tls = true;
  return true;
}
