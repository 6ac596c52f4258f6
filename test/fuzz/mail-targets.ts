/** The mail parsers: addresses, parameters, lines, messages, replies; and decoys. */
import { isDeepStrictEqual } from 'node:util';
import { anyProtocol, longestMessage } from '../../src/decoys/conversation.ts';
import { mailConversation } from '../../src/decoys/mail-server.ts';
import { httpRefusals } from '../../src/decoys/refusals.ts';
import { turnConversation } from '../../src/decoys/turn-server.ts';
import { judgeRecipient, judgeSender, type MailPolicy } from '../../src/rules/smtp.ts';
import { CommandLines } from '../../src/smtp/command-lines.ts';
import { NormalizingScanner, StrictScanner } from '../../src/smtp/data-scanner.ts';
import { explainSmtp, explainSmtpAnywhere } from '../../src/smtp/explain.ts';
import { recipientParameters, senderParameters } from '../../src/smtp/parameters.ts';
import { type Reply, ReplyReader } from '../../src/smtp/reply.ts';
import { parsePath } from '../../src/wire/smtp-path.ts';
import { asBytes, ownDomains, recipients } from '../smtp/recipients.ts';
import { guardOptions } from '../smtp/support.ts';
import { must, type Target } from './target.ts';

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
const owned = new Set(ownDomains);
const mailPolicy: MailPolicy = { owns: (domain) => owned.has(domain) };
const everything = {
  offered: new Map(['SIZE', '8BITMIME', 'SMTPUTF8', 'DSN', 'AUTH'].map((keyword) => [keyword, ''])),
};

export const mailTargets: readonly Target[] = [
  {
    name: 'smtp-path',
    seeds: recipients.map(([text]) => Buffer.from(asBytes(text), 'latin1')),
    words: [
      '<',
      '>',
      '@',
      '%',
      '!',
      '"',
      '\\',
      ':',
      ',',
      '.',
      ' ',
      '\t',
      '\0',
      '\r\n',
      '[127.0.0.1]',
      '[IPv6:::1]',
      'example.net',
      'example.com',
      'user',
      '\xc3\xa9',
      'SIZE=1',
      'ORCPT=rfc822;a@b',
    ],
    run: (input) => {
      const text = latin1(input);
      const path = parsePath(text);
      for (const { at } of path.faults) must(at >= 0 && at <= text.length, 'a fault is inside');
      const recipient = judgeRecipient(text, mailPolicy, 'outside');
      if (recipient.action === 'allow') {
        const ours = path.domain === null ? /^postmaster$/i.test(path.local) : owned.has(path.domain);
        must(ours, `an outsider's recipient is ours: ${path.domain}`);
        must(!/[%!@]|::|^[|/:.-]|\$\{/.test(path.local), 'no part that a mail server could follow');
      }
      for (const verdict of [
        recipient,
        judgeRecipient(text, mailPolicy, 'relaying'),
        judgeSender(text, mailPolicy, 'outside'),
      ]) {
        must((verdict.rule === null) === (verdict.action === 'allow'), 'a refusal has a rule');
        if (verdict.action === 'block') continue;
        must(verdict.path.route.length === 0, 'no source route is accepted');
        // The forwarded mailbox reads back as the judged one, and can be read in only one way.
        const sent = parsePath(`<${verdict.canonical}>`);
        must(sent.faults.length === 0, `what is sent on has no fault: ${verdict.canonical}`);
        must(sent.local === path.local && sent.domain === path.domain, 'it is the same mailbox');
      }
      const whys = new Set(path.faults.map(({ why }) => why));
      return `${[...whys].sort().join()} ${recipient.action} ${recipient.rule} ${path.route.length > 0} ${path.quoted}`;
    },
  },
  {
    name: 'smtp-lines',
    seeds: ['EHLO x\r\nMAIL FROM:<a@b>\r\n', 'a\r\n.\r\nQUIT\r\n', '..x\r\n\r\n.\r\n', 'a\n.\nb\r.\r\n'].map(
      (text) => Buffer.from(text),
    ),
    words: ['\r\n', '\r', '\n', '.', '\r\n.\r\n', '\n.\n', '\r.\r', '\0', '..', 'x'],
    read: (input) => [
      readLines([input]),
      new StrictScanner().push(input),
      new NormalizingScanner().push(input),
    ],
    run: (input) => {
      const cut = input.reduce((sum, byte) => (sum * 31 + byte) % (input.length + 1), 7);
      const pieces = [input.subarray(0, cut), input.subarray(cut)];
      const lines = readLines([input]);
      must(
        lines.every(({ text, fault }) => fault !== undefined || !/[\r\n\0]/.test(text)),
        'a line holds no line end',
      );
      let seen = '';
      for (const Scanner of [StrictScanner, NormalizingScanner]) {
        const scan = (parts: readonly Buffer[]) => {
          const scanner = new Scanner();
          let pass = '';
          for (const part of parts) {
            const scanned = scanner.push(part);
            pass += scanned.pass.toString('latin1');
            if (scanned.ended) return { pass, ended: true, bare: scanned.bare };
          }
          return { pass, ended: false, bare: false };
        };
        const whole = scan([input]);
        const bytewise = scan([...input].map((byte) => Buffer.of(byte)));
        must(scan(pieces).ended === whole.ended && bytewise.ended === whole.ended, 'the same end in pieces');
        if (whole.ended && !whole.bare) {
          must(isDeepStrictEqual(bytewise, whole), 'the same message in pieces');
          must(/(?:^|\r\n)\.\r\n$/.test(whole.pass), 'the message ends at its end');
          must(!/\r\n\.\r\n[\s\S]/.test(whole.pass), 'there is only one end');
        }
        must(
          !whole.ended || whole.bare || !/[^\r]\n|^\n|\r(?!\n)/.test(whole.pass),
          'no bare line end passes',
        );
        seen += ` ${whole.ended} ${whole.bare}`;
      }
      return `${lines
        .map(({ fault }) => fault ?? '')
        .slice(0, 5)
        .join()}${seen}`;
    },
  },
  {
    name: 'smtp-parameters',
    seeds: [
      ' SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb AUTH=<>',
      ' NOTIFY=SUCCESS,DELAY ORCPT=rfc822;user+40example.com',
      ' ORCPT=utf-8;user\\x{40}example.com NOTIFY=NEVER',
    ].map((text) => Buffer.from(text)),
    words: [
      ' ',
      '\t',
      '=',
      ';',
      '+',
      '+40',
      '+0D+0A',
      '\\x{40}',
      '@',
      'example.com',
      'NOTIFY=',
      'ORCPT=rfc822;',
      'SIZE=',
      '\xff',
    ],
    run: (input) => {
      const { parameters } = parsePath(`<user@example.net>${latin1(input)}`);
      const read = [
        senderParameters(parameters, everything, guardOptions(0, { limits: { message: 1000 } })),
        recipientParameters(parameters, everything, true),
      ];
      return read
        .map((found) => {
          if ('refuse' in found) {
            must(/^5\d\d \d\.\d\.\d [\x20-\x7e]+$/.test(found.refuse), 'a refusal is a reply');
            return found.refuse.slice(0, 20);
          }
          must(
            /^(?: [A-Z0-9-]+(?:=[\x21-\x3c\x3e-\x7e\x80-\xff]+)?)*$/.test(found.text),
            `only parameters are sent on: ${found.text}`,
          );
          must(!/\+(?![0-9A-F]{2})/.test(found.text), 'valid xtext');
          return found.text.replace(/=\S*/g, '');
        })
        .join();
    },
  },
  {
    name: 'smtp-replies',
    seeds: ['250 OK\r\n', '250-a\r\n250-SIZE 1\r\n250 DSN\r\n220 x\r\n', '550 5.1.1 \xfc\n', '421\r\n'].map(
      (text) => Buffer.from(text, 'latin1'),
    ),
    words: ['\r\n', '\r', '\n', '250', '250-', '550 ', '421', '-', ' ', '\0', '\xff'],
    read: (input) => readReplies([input]),
    run: (input) => {
      const whole = readReplies([input]);
      const bytewise = readReplies([...input].map((byte) => Buffer.of(byte)));
      // A fault is found at the end of its line, so replies before it in the same piece are lost with it.
      if (whole !== null) must(isDeepStrictEqual(bytewise, whole), 'the same replies in pieces');
      for (const { code, text, lines } of whole ?? []) {
        must(code >= 200 && code < 600, 'the code is valid');
        must(/^(?:\d{3}[ -][^\r\n\0]*\r\n)+$/.test(text), 'a client reads one reply in it');
        must(text.split('\r\n').length === lines.length + 1, 'with as many lines');
      }
      if (whole === null) return 'none';
      const classes = whole.map(({ code, lines }) => `${Math.floor(code / 100)}${lines.length > 1}`);
      return classes.slice(0, 4).join();
    },
  },
  {
    name: 'smtp-explain',
    seeds: recipients.map(([text]) => Buffer.from(asBytes(`RCPT TO:${text}`), 'latin1')),
    words: [
      'RCPT TO:',
      'MAIL FROM:',
      ' ',
      '<',
      '>',
      '@',
      '%',
      '!',
      '"',
      ':',
      ',',
      'example.net',
      'example.com',
    ],
    run: (input) => {
      const line = latin1(input);
      let how = '';
      for (const explain of [explainSmtp, explainSmtpAnywhere]) {
        const { verdict, rule, answer, evidence, steps, sentOn } = explain(line, mailPolicy);
        must(
          (verdict === 'block') === (answer !== null) && (verdict === 'allow') === (sentOn !== null),
          'one of two',
        );
        must(evidence === null || (evidence.start >= 0 && evidence.end <= line.length), 'evidence is inside');
        how += ` ${verdict} ${rule} ${steps.length}`;
      }
      return how;
    },
  },
  {
    name: 'decoys',
    seeds: [
      'GET http://www.example.com/ HTTP/1.0\r\n\r\n',
      'CONNECT example.com:25 HTTP/1.1\r\n\r\n',
      '\x04\x01\x00\x50\x00\x00\x00\x01root\x00www.example.com\x00',
      '\x05\x01\x00\x05\x01\x00\x03\x0bexample.com\x00\x50',
      '\x05\x01\x02\x01\x04user\x06secret',
      'EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<user%example.com@example.net>\r\nQUIT\r\n',
    ].map((text) => Buffer.from(text, 'latin1')),
    words: [
      '\x04\x01',
      '\x05\x01\x00',
      '\x05\x01\x02',
      '\0',
      '\r\n',
      'RCPT TO:',
      'CONNECT ',
      'GET http://',
      '\x16\x03\x01',
      ' HTTP/1.1',
    ],
    run: (input) => {
      const bytes = input.subarray(0, longestMessage);
      let how = '';
      for (const start of decoyConversations) {
        const talk = start();
        let said = '';
        // In pieces: a conversation that has ended must not ask for more.
        let step = talk.read(bytes.subarray(0, 0), false);
        for (let length = 1; step.more && length <= Math.min(bytes.length, 64); length++) {
          step = talk.read(bytes.subarray(0, length), false);
          if (step.more) said += latin1(step.say ?? Buffer.alloc(0));
        }
        const early = !step.more;
        if (step.more) step = talk.read(bytes, true);
        must(!step.more, 'it ends');
        if (step.more) return '';
        said += latin1(step.refuse.bytes);
        must(!grants.test(said), 'nothing is granted');
        how += ` ${early} ${said.length} ${step.asked.map((one) => (one.kind === 'verdict' ? one.verdict.rule : one.rules[0])).join()}`;
      }
      return how;
    },
  },
];

/** A success over HTTP or SOCKS; in mail: signed in, recipient accepted, send the message; a success response of TURN. */
const grants =
  /^(?:HTTP\/1\.\d [123]|(?:\x05[\0\x02])?\x05\0[\0-\x03]|\0\x5a|\x01\0|\x01[\0-\x0f]..!\x12\xa4B)|^(?:235|25[01] 2\.1\.5|354)/m;
const plain = httpRefusals('plain', null);
const decoyConversations = [
  () => anyProtocol(plain),
  () => mailConversation('[192.0.2.1]'),
  () => turnConversation('turn', plain),
];

/** Null if it is no reply. */
function readReplies(pieces: readonly Buffer[]): Reply[] | null {
  const reader = new ReplyReader();
  try {
    return pieces.flatMap((piece) => reader.push(piece));
  } catch {
    return null;
  }
}

function readLines(pieces: readonly Buffer[]) {
  const lines = new CommandLines();
  const read: { text: string; fault?: string }[] = [];
  for (const piece of pieces) {
    lines.push(piece);
    for (let line = lines.next(512); line !== null; line = lines.next(512)) {
      read.push(line.fault === undefined ? { text: line.text } : { text: line.text, fault: line.fault });
      if (line.fault !== undefined) break;
    }
  }
  return read;
}
