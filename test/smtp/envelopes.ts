/**
 * Legitimate envelopes, from RFCs and real senders. A mail server behind the guard accepts those that it accepts alone, and delivers them
 * alike. Our domains are example.net, mx.example.net, bücher.example and [127.0.0.1]. Add a case by adding a row.
 */
import { asBytes } from './recipients.ts';

export interface Envelope {
  readonly name: string;
  /** @default `EHLO mail.example.org` */
  readonly hello?: string;
  /** EHLO keywords a client requires before it sends this. */
  readonly needs?: readonly string[];
  readonly mail: string;
  readonly rcpt: readonly string[];
  /** The rest of the message after the common header fields. */
  readonly data?: string;
  /** All commands up to DATA in one packet (RFC 2920). */
  readonly pipelined?: boolean;
  /** Use BDAT if CHUNKING is offered, else DATA (RFC 3030). */
  readonly chunked?: boolean;
  /** Commands before MAIL whose replies do not matter. */
  readonly before?: readonly string[];
}

const from = 'MAIL FROM:<a@example.org>';
const to = ['RCPT TO:<user@example.net>'];
const text = '\r\nHello.\r\n';

const sender = (name: string, path: string): Envelope => ({
  name: `sender: ${name}`,
  mail: `MAIL FROM:${path}`,
  rcpt: to,
});
const recipient = (name: string, path: string, needs: readonly string[] = []): Envelope => ({
  name: `recipient: ${name}`,
  mail: needs.includes('SMTPUTF8') ? `${from} SMTPUTF8` : from,
  rcpt: [asBytes(`RCPT TO:${path}`)],
  needs,
});
const parameters = (name: string, needs: readonly string[], mail: string, rcpt = ''): Envelope => ({
  name: `parameters: ${name}`,
  needs,
  mail: asBytes(`MAIL FROM:<a@example.org>${mail}`),
  rcpt: [asBytes(`RCPT TO:<user@example.net>${rcpt}`)],
});
const message = (name: string, data: string, more: Partial<Envelope> = {}): Envelope => ({
  name: `message: ${name}`,
  mail: from,
  rcpt: to,
  data,
  ...more,
});

export const envelopes: readonly Envelope[] = [
  sender('null reverse-path of a bounce', '<>'),
  sender('VERP', '<list-bounces+user=example.net@lists.example.org>'),
  sender('VERP of qmail', '<list-return-7-user=example.net@example.org>'),
  sender('VERP of a newsletter', '<bounce-md_31_5e.v1-0a@mandrill.example.org>'),
  sender('VERP with a hash', '<0100018f-3a-000000@amazonses.example.com>'),
  sender('BATV', '<prvs=012345abcd=a@example.org>'),
  sender('BATV, the draft', '<prvs=a/0123456789@example.org>'),
  sender('SRS0', '<SRS0=HHH=TT=example.com=user@example.org>'),
  sender('SRS0 with + and /', '<SRS0=h/+k=TT=example.com=user@example.org>'),
  sender('SRS0, plus for a separator', '<SRS0+HHH=TT=example.com=user@example.org>'),
  sender('SRS1', '<SRS1=HHH=example.com==HHH=TT=example.edu=user@example.org>'),
  sender('sub-address', '<a+tag@example.org>'),
  sender('an apostrophe', "<o'brien@example.org>"),
  sender('quoted, with a space', '<"John Doe"@example.org>'),
  sender('quoted, with an @', '<"a@b"@example.org>'),
  sender('quoted for nothing', '<"a"@example.org>'),
  sender('every sign of an atom', "<a!#$&'*+-/=?^_`{|}~@example.org>"),
  sender('a percent sign at a foreign domain', '<50%off@example.org>'),
  sender('upper case', '<A@EXAMPLE.ORG>'),
  sender('a trailing dot', '<a@example.org.>'),
  sender('two dots', '<a..b@example.org>'),
  sender('one letter', '<x@example.org>'),
  sender('64 octets', `<${'a'.repeat(64)}@example.org>`),
  sender('many labels', `<a@${'x.'.repeat(40)}example.org>`),
  sender('an A-label', '<a@xn--mnchen-3ya.example>'),
  sender('a label with an underscore', '<a@my_host.example.org>'),
  sender('an IPv4 literal', '<a@[192.0.2.7]>'),
  sender('MAILER-DAEMON', '<MAILER-DAEMON@example.org>'),
  sender('digits', '<4930123456@sms.example.org>'),
  sender('of our own domain', '<colleague@example.net>'),

  recipient('plain', '<user@example.net>'),
  recipient('the host itself', '<user@mx.example.net>'),
  recipient('postmaster without a domain', '<postmaster>'),
  recipient('Postmaster', '<Postmaster@example.net>'),
  recipient('abuse', '<abuse@example.net>'),
  recipient('upper case', '<USER@EXAMPLE.NET>'),
  recipient('a trailing dot', '<user@example.net.>'),
  recipient('sub-address', '<user+tag@example.net>'),
  recipient('sub-address with a folder', '<user+INBOX/Lists@example.net>'),
  recipient('sub-address of sub-addresses', '<user+a+b=c@example.net>'),
  recipient('sub-address with a hyphen', '<user-list@example.net>'),
  recipient('VERP that comes back', '<list-bounces+a=example.org@example.net>'),
  recipient('BATV that comes back', '<prvs=012345abcd=user@example.net>'),
  recipient('BATV that comes back, the draft', '<prvs=user/0123456789@example.net>'),
  recipient('SRS0 that comes back', '<SRS0=HHH=TT=example.com=a@example.net>'),
  recipient('SRS0 with + and / that comes back', '<SRS0=h/+k=TT=example.com=a@example.net>'),
  recipient('SRS1 that comes back', '<SRS1=HHH=example.com==HHH=TT=example.edu=a@example.net>'),
  recipient('quoted for nothing', '<"user"@example.net>'),
  recipient('quoted, with a space', '<"John Doe"@example.net>'),
  recipient('quoted, a comma', '<"Doe, John"@example.net>'),
  recipient('a colon', '<user:x@example.net>'),
  recipient('a colon, quoted', '<"user:x"@example.net>'),
  recipient('an apostrophe', "<o'brien@example.net>"),
  recipient('an ampersand', '<r&d@example.net>'),
  recipient('a hash', '<room#12@example.net>'),
  recipient('a slash', '<sales/emea@example.net>'),
  recipient('an equals sign', '<user=home@example.net>'),
  recipient('a tilde, a caret, braces', '<~x^{y}@example.net>'),
  recipient('a dollar and a question mark', '<a$b?c@example.net>'),
  recipient('a star and a backquote', '<*`@example.net>'),
  recipient('a pipe in the middle', '<a|b@example.net>'),
  recipient('an underscore in front', '<_user@example.net>'),
  recipient('two dots', '<a..b@example.net>'),
  recipient('a dot at the end', '<docomo.@example.net>'),
  recipient('digits and hyphens', '<123-456-789@example.net>'),
  recipient('an exception of a hyphen and a dot', '<a-.b@example.net>'),
  recipient('a plus at the end', '<user+@example.net>'),
  recipient('one digit', '<7@example.net>'),
  recipient('a phone number', '<+4930123456@example.net>'),
  recipient('64 octets', `<${'u'.repeat(64)}@example.net>`),
  recipient('a tracking token', '<reply+ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-0123456789abcdef@example.net>'),
  recipient('an A-label', '<user@xn--bcher-kva.example>'),
  recipient('an A-label in upper case', '<user@XN--BCHER-KVA.EXAMPLE>'),
  recipient('a U-label, with SMTPUTF8', '<user@b\u00fccher.example>', ['SMTPUTF8']),
  recipient('a local part beyond ASCII', '<m\u00fcller@example.net>', ['SMTPUTF8']),
  recipient('all of it beyond ASCII', '<\u4eba@b\u00fccher.example>', ['SMTPUTF8']),
  recipient('a space before the bracket', ' <user@example.net>'),
  recipient('white space at the end', '<user@example.net>  '),
  recipient('no brackets', 'user@example.net'),
  {
    name: 'recipients: a hundred',
    mail: from,
    rcpt: Array.from({ length: 100 }, (_, i) => `RCPT TO:<u${i}@example.net>`),
  },
  { name: 'recipients: the same twice', mail: from, rcpt: [...to, ...to] },

  parameters('SIZE', ['SIZE'], ' SIZE=1000'),
  parameters('BODY=7BIT', ['8BITMIME'], ' BODY=7BIT'),
  parameters('BODY=8BITMIME', ['8BITMIME'], ' BODY=8BITMIME SIZE=500'),
  parameters('lower case', ['8BITMIME', 'SIZE'], ' body=8bitmime size=500'),
  parameters('RET and ENVID', ['DSN'], ' RET=HDRS ENVID=QQ314159'),
  parameters('ENVID in xtext', ['DSN'], ' RET=FULL ENVID=a+2Bb+3D'),
  parameters('NOTIFY=NEVER', ['DSN'], '', ' NOTIFY=NEVER'),
  parameters('NOTIFY of three', ['DSN'], '', ' NOTIFY=SUCCESS,FAILURE,DELAY'),
  parameters('ORCPT of ours', ['DSN'], '', ' NOTIFY=FAILURE ORCPT=rfc822;user@example.net'),
  parameters('ORCPT of whom it was forwarded for', ['DSN'], '', ' ORCPT=rfc822;other+2Btag@example.com'),
  parameters('ORCPT in lower-case xtext', ['DSN'], '', ' ORCPT=rfc822;other+2btag@example.com'),
  parameters('SMTPUTF8', ['SMTPUTF8', '8BITMIME'], ' SMTPUTF8 BODY=8BITMIME'),
  parameters('ORCPT utf-8', ['SMTPUTF8', 'DSN'], ' SMTPUTF8', ' ORCPT=utf-8;m\u00fcller@example.com'),

  { name: 'HELO', hello: 'HELO mail.example.org', mail: from, rcpt: to },
  { name: 'EHLO with a literal', hello: 'EHLO [192.0.2.7]', mail: from, rcpt: to },
  { name: 'EHLO with an IPv6 literal', hello: 'EHLO [IPv6:2001:db8::7]', mail: from, rcpt: to },
  { name: 'EHLO of an office PC', hello: 'EHLO WIN-7_PC', mail: from, rcpt: to },
  {
    name: 'commands in lower case',
    hello: 'ehlo mail.example.org',
    mail: 'mail from:<a@example.org>',
    rcpt: ['rcpt to:<user@example.net>'],
  },
  {
    name: 'a space behind MAIL FROM:',
    mail: 'MAIL FROM: <a@example.org>',
    rcpt: ['RCPT TO: <user@example.net>'],
  },
  { name: 'white space at the ends of commands', mail: `${from} `, rcpt: ['RCPT TO:<user@example.net>\t'] },
  {
    name: 'pipelined',
    needs: ['PIPELINING'],
    mail: from,
    rcpt: [...to, 'RCPT TO:<second@example.net>'],
    pipelined: true,
  },
  { name: 'RSET and NOOP first', before: ['RSET', 'NOOP'], mail: from, rcpt: to },
  { name: 'VRFY first', before: ['VRFY user'], mail: from, rcpt: to },
  { name: 'EHLO twice', before: ['EHLO mail.example.org'], mail: from, rcpt: to },
  {
    name: 'a message given up before',
    before: ['MAIL FROM:<other@example.org>', 'RCPT TO:<other@example.net>', 'RSET'],
    mail: from,
    rcpt: to,
  },
  {
    name: 'CHUNKING, and falling back from it',
    chunked: true,
    mail: from,
    rcpt: to,
    data: `${text}.\r\n..\r\n`,
  },

  message('empty', '\r\n'),
  message('a dot alone, stuffed', '\r\n..\r\nmore\r\n...\r\n'),
  message('lines of 998 octets', `\r\n${`${'x'.repeat(998)}\r\n`.repeat(3)}`),
  message(
    '8 bit',
    asBytes(
      'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe \u4eba\r\n',
    ),
    {
      needs: ['8BITMIME'],
      mail: `${from} BODY=8BITMIME`,
    },
  ),
  message('header fields beyond ASCII', asBytes('X-Name: M\u00fcller\r\n\r\nx\r\n'), {
    needs: ['SMTPUTF8'],
    mail: `${from} SMTPUTF8`,
  }),
  message(
    'folded header fields',
    'References: <1@example.org>\r\n <2@example.org>\r\n\t<3@example.org>\r\n\r\nx\r\n',
  ),
  message(
    'a calendar',
    'MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nATTENDEE;RSVP=TRUE:mailto:user@example.net\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
  ),
  message(
    'a delivery report',
    'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.org\r\n\r\nFinal-Recipient: rfc822; x@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n',
    { mail: 'MAIL FROM:<>' },
  ),
  message(
    'a read receipt',
    'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n',
    { mail: 'MAIL FROM:<>' },
  ),
  message(
    'an abuse report',
    'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n\r\n--b--\r\n',
  ),
  message(
    'of a mailing list',
    'List-Id: <list.example.org>\r\nList-Unsubscribe: <mailto:list-leave@example.org>\r\nList-Post: <mailto:list@example.org>\r\nPrecedence: list\r\n\r\nx\r\n',
    { mail: 'MAIL FROM:<list-bounces@example.org>' },
  ),
  message(
    'an attachment',
    `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n${`${'QUJD'.repeat(19)}\r\n`.repeat(3000)}--b--\r\n`,
  ),
  message(
    'signed',
    'DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from:to; bh=x; b=y\r\n\r\nx\r\n',
  ),
  message(
    'words that are commands',
    '\r\nQUIT\r\nMAIL FROM:<x@example.com>\r\nRCPT TO:<y@example.com>\r\nDATA\r\n',
  ),
];
