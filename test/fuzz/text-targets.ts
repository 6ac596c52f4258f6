/** The SMTP grammar, the log formats, and the config. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../../src/config/fault.ts';
import { parseConfig } from '../../src/config/load.ts';
import { judgeRecipient, judgeSender, type MailPolicy } from '../../src/rules/smtp.ts';
import { formats } from '../../src/scan/detect.ts';
import { CommandLines } from '../../src/smtp/command-lines.ts';
import { NormalizingScanner, StrictScanner } from '../../src/smtp/data-scanner.ts';
import { parsePath } from '../../src/wire/smtp-path.ts';
import { formatRows } from '../scan/format-rows.ts';
import { asBytes, ownDomains, recipients } from '../smtp/recipients.ts';
import { root } from '../support/installed-package.ts';
import { must, type Target } from './target.ts';

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
const owned = new Set(ownDomains);
const mailPolicy: MailPolicy = { owns: (domain) => owned.has(domain) };
const configs = globSync('{test/config/good,test/config/bad,config,config/examples/**}/*.yaml', {
  cwd: root,
});
/** The latest time of an entry. */
const now = Date.UTC(2026, 0, 1);

export const textTargets: readonly Target[] = [
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
      judgeSender(text, mailPolicy, 'outside');
      if (recipient.action === 'allow' && path.domain !== null && path.domain !== '')
        must(owned.has(path.domain), `an outsider's recipient is ours: ${path.domain}`);
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
          must(/(?:^|\r\n)\.\r\n$/.test(whole.pass), 'the end is the end');
          must(!/\r\n\.\r\n[\s\S]/.test(whole.pass), 'the end is there once');
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
    name: 'log-formats',
    seeds: formatRows.flatMap(({ lines }) => lines.map((line) => Buffer.from(line, 'utf8'))),
    words: [
      '"',
      '\\',
      '\\x16',
      '[',
      ']',
      ' - - ',
      '10/Oct/2024:18:54:01 +0900',
      '"GET / HTTP/1.1"',
      '{',
      '}',
      '"request":',
      'null',
      '\t',
      '|',
      '-',
      '200',
      '\0',
      '\xff',
      'e99',
      '1700000000.123',
      ':',
    ],
    run: (input) => {
      const text = latin1(input).replace(/\r?\n[\s\S]*/, '');
      const read: string[] = [];
      for (const format of formats) {
        const parser = format.open(now);
        const parsed = parser.parse(text);
        parser.flush?.();
        if (parsed === null) continue;
        read.push(`${format.id}${parsed === 'skip' ? '?' : ''}`);
        if (parsed === 'skip') continue;
        must(parsed.time === null || Number.isFinite(parsed.time), `${format.id}: the time is one`);
        must(parsed.status === null || Number.isInteger(parsed.status), `${format.id}: the status is one`);
        must(parsed.bytes === null || Number.isFinite(parsed.bytes), `${format.id}: the size is one`);
      }
      return read.join();
    },
  },
  {
    name: 'config',
    // Its author is the operator, who waits for it once.
    tooSlow: 2000,
    seeds: configs.map((path) => readFileSync(join(root, path))).filter(({ length }) => length < 3000),
    words: [
      '\n',
      '  ',
      '- ',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&a',
      '*a',
      '<<: ',
      '!!',
      '|',
      '>',
      '#',
      '---',
      'null',
      '~',
      '.inf',
      '-1',
      '1e999',
      '0x1',
      'true',
      '127.0.0.1:0',
      'http://',
      '__proto__: ',
      'listen: ',
      'sites: ',
      'hosts: ',
      '*.',
      '1h',
      '10m',
      '2001:db8::/32',
    ],
    run: (input) => {
      try {
        parseConfig(input.toString('utf8'), '/nonexistent');
        return 'good';
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        for (const { message, line } of error.faults) {
          must(message !== '', 'a fault says what it is');
          must(line === undefined || line === null || line >= 1, 'a fault is in a line');
        }
        return error.faults
          .map(({ path, message }) => `${path.replace(/\d+/g, '0').slice(0, 30)}${message.slice(0, 20)}`)
          .slice(0, 4)
          .join();
      }
    },
  },
];

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
