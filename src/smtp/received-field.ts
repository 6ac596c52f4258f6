/** The Received field (RFC 5321 section 4.4) that names the client if the mail server sees only the guard's address. */
import { hostname } from 'node:os';
import type { Conversation } from './conversation.ts';

const ourName = /^[A-Za-z0-9.-]{1,255}$/.test(hostname()) ? hostname() : 'localhost';

/** @returns the field with its CRLF, one character a byte */
export function receivedField(
  talk: Pick<Conversation, 'server' | 'context' | 'tls' | 'transaction'>,
  now: Date,
): string {
  const { address } = talk.context.ends;
  const [verb = '', name = ''] = (talk.server.helo ?? '').split(' ');
  // The client chooses its name, which must not end the field or begin another.
  const said = name.replace(/[^A-Za-z0-9._:[\]-]/g, '?') || 'unknown';
  const literal = address.includes(':') ? `IPv6:${address}` : address;
  // RFC 3848, RFC 6531 section 4.3.
  const utf8 = talk.transaction?.utf8 === true;
  const kind = utf8 ? 'UTF8SMTP' : verb === 'EHLO' ? 'ESMTP' : 'SMTP';
  const more = verb === 'EHLO' ? `${talk.tls ? 'S' : ''}${talk.server.authenticated ? 'A' : ''}` : '';
  const date = now.toUTCString().replace('GMT', '+0000');
  return `Received: from ${said} ([${literal}])\r\n\tby ${ourName} (Sekisho) with ${kind}${more};\r\n\t${date}\r\n`;
}
