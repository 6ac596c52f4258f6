/** The parsers of log formats and of the config. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../src/config/fault.ts';
import { parseConfig } from '../../src/config/load.ts';
import { fromLogLine } from '../../src/explain/input.ts';
import { formats } from '../../src/scan/detect.ts';
import { lineLimit } from '../../src/scan/log-scan.ts';
import { readLogged } from '../../src/scan/logged-line.ts';
import { openWrappings, wrappings } from '../../src/scan/wrapping.ts';
import { formatRows } from '../scan/format-rows.ts';
import { root } from '../support/installed-package.ts';
import { must, type Target } from './target.ts';

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
const configs = globSync('{test/config/good,test/config/bad,config,config/examples/**}/*.yaml', {
  cwd: root,
});
/** The latest time of an entry. */
const now = Date.UTC(2026, 0, 1);

export const textTargets: readonly Target[] = [
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
        read.push(`${format.id}${typeof parsed === 'string' ? '?' : ''}`);
        if (typeof parsed === 'string') continue;
        must(parsed.time === null || Number.isFinite(parsed.time), `${format.id}: the time is one`);
        must(parsed.status === null || Number.isInteger(parsed.status), `${format.id}: the status is one`);
        must(parsed.bytes === null || Number.isFinite(parsed.bytes), `${format.id}: the size is one`);
      }
      return read.join();
    },
  },
  {
    name: 'logged-line',
    seeds: wrappings.map(({ example }, i) =>
      Buffer.from(example.replace('LINE', formats[7 * i]!.example.replaceAll('"', '\\"')), 'latin1'),
    ),
    words: [
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ',',
      '{"log":"',
      '"stream":"stdout"',
      'stdout F ',
      'stdout P ',
      ' | ',
      '\n',
    ],
    run: (input) => {
      const logged = readLogged(latin1(input), now);
      if (logged?.entry != null) fromLogLine(logged.entry.request, 'www.example.net');
      return `${logged?.format.id} ${logged?.entry === null}`;
    },
    // The formats inside have a target of their own.
    read: (input) => openWrappings(wrappings, lineLimit)(latin1(input)),
  },
  {
    name: 'config',
    // The config comes from the operator, and is read only at start and reload.
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
          must(message !== '', 'a fault has a message');
          must(line === undefined || line === null || line >= 1, 'the line of a fault is valid');
        }
        return error.faults
          .map(({ path, message }) => `${path.replace(/\d+/g, '0').slice(0, 30)}${message.slice(0, 20)}`)
          .slice(0, 4)
          .join();
      }
    },
  },
];
