import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { ConfigError } from '../config/fault.ts';
import { parseConfig } from '../config/load.ts';
import { type FoundServer, findServer, movedLine } from '../init/found-server.ts';
import { type Answers, newConfig } from '../init/new-config.ts';
import { faultLines } from './fault-lines.ts';
import type { Command, InitOptions } from './options.ts';

/** Where the web server moves, to make room on the port of visitors. */
const moved = 8081;

/** `sekisho init`: three questions, or flags for them, and a commented config for the web server that is here. */
export const run: Command<InitOptions> = async (options) => {
  const { output = 'sekisho.yaml', force = false, etc } = options;
  if (existsSync(output) && !force) {
    process.stderr.write(
      `${output} is there already\n  mend: name another with --output, or overwrite it with --force\n`,
    );
    return 1;
  }
  const server = findServer(etc);
  const answers = await ask(options, server);
  if (answers === null) return 2;
  const text = newConfig(answers);
  try {
    parseConfig(text, '.', { name: output });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) process.stderr.write(`${faultLines(output, fault)}\n`);
    process.stderr.write('nothing was written\n');
    return 1;
  }
  // No token is in it, but its owner may put one there.
  writeFileSync(output, text, { mode: 0o640 });
  process.stdout.write(`${output} is written.\n\n${nextSteps(output, answers, server)}`);
  return 0;
};

interface Question {
  readonly text: string;
  readonly flag: string;
  readonly given: string | undefined;
  readonly offered: string;
}

async function ask(
  { host = [], backend, listen }: InitOptions,
  server: FoundServer | null,
): Promise<Answers | null> {
  const known = server?.names.join(' ') ?? '';
  const questions: readonly Question[] = [
    {
      text: 'Which names do visitors use for your server?',
      flag: '--host',
      given: host.length > 0 ? host.join(' ') : undefined,
      offered: known,
    },
    {
      text: 'Where will your web server listen?',
      flag: '--backend',
      given: backend,
      offered: `http://127.0.0.1:${moved}`,
    },
    { text: 'Where do visitors come to?', flag: '--listen', given: listen, offered: '0.0.0.0:80' },
  ];
  const answers: string[] = [];
  // Flags say it all where the names are given: the other two have answers that fit nearly everybody.
  const silent = questions[0]!.given !== undefined;
  const reader = silent ? null : createInterface({ input: process.stdin, terminal: false });
  const lines = reader?.[Symbol.asyncIterator]();
  try {
    for (const { text, flag, given, offered } of questions) {
      if (given !== undefined || silent) {
        answers.push(given ?? offered);
        continue;
      }
      process.stdout.write(`${text}${offered === '' ? '' : ` [${offered}]`} `);
      const line = await lines!.next();
      const answer = (line.done === true ? '' : line.value.trim()) || offered;
      if (line.done === true || answer === '') {
        process.stderr.write(`\nno answer to "${text}"\n  mend: answer it, or give ${flag}\n`);
        return null;
      }
      answers.push(answer);
    }
  } finally {
    reader?.close();
  }
  const [hosts, to, at] = answers as [string, string, string];
  return { hosts: hosts.split(/[\s,]+/).filter((one) => one !== ''), backend: to, listen: at };
}

function nextSteps(output: string, { listen, backend, hosts }: Answers, server: FoundServer | null): string {
  const port = Number(listen.slice(listen.lastIndexOf(':') + 1));
  const inTheWay = server?.listens.filter((one) => one.port === port) ?? [];
  const to = /^https?:\/\/(.+?)\/?$/.exec(backend)?.[1] ?? backend;
  const steps: string[] = [];
  if (inTheWay.length > 0) {
    const name = server!.kind === 'apache' ? 'Apache' : 'nginx';
    const lines = inTheWay.map(({ file, line }) => {
      const now = movedLine(line, to);
      return `     ${file}\n       - ${line}\n${now === null ? '' : `       + ${now}\n`}`;
    });
    steps.push(`Let ${name} listen on ${to} instead of port ${port}, and restart it:\n${lines.join('')}`);
  }
  steps.push(`sekisho start --config ${output}\n`);
  const own = port === 80 ? hosts[0]! : `${hosts[0]}:${port}`;
  steps.push(
    `See that it works: your own page, and a refusal for somebody else's.\n` +
      `     curl -i -H 'Host: ${own}' http://127.0.0.1:${port}/\n` +
      `     curl -i -x http://127.0.0.1:${port} http://www.example.com/\n`,
  );
  return `Next:\n${steps.map((step, i) => `  ${i + 1}. ${step}`).join('')}`;
}
