/** Runs the tutorial from its first block to its last: every command is run, every output compared. */
import assert from 'node:assert/strict';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import packageJson from '../../package.json' with { type: 'json' };
import { freePort } from '../support/free-port.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type CodeBlock, pages, root } from './markdown.ts';
import { assertOutput, type Step, steps } from './terminal.ts';

const path = 'docs/tutorial/protect-apache.md';
const skip = without('apache2', 'curl', 'openssl');

/** Commands that are not run, and why. */
const notRun: ReadonlyMap<string, string> = new Map([
  ['sudo apt-get install -y apache2 curl openssl', 'installs packages; the test machine has them'],
  ['npm ci', 'the checkout under test is installed already'],
]);

suite(path, { skip }, async () => {
  if (skip !== false) return;
  const walk = await startWalk();
  for (const block of pages.find((page) => page.path === path)!.blocks) {
    const name = `line ${block.line} (${block.language})`;
    switch (block.language) {
      case 'sh':
        test(name, async () => {
          for (const command of block.text.trimEnd().split('\n')) await walk.run(command);
        });
        break;
      case 'console':
        test(name, async () => {
          for (const step of steps(block)) await walk.shows(step);
        });
        break;
      case 'text':
        test(name, () => walk.says(block));
        break;
      case 'yaml':
        test(name, () => walk.holds('practice/sekisho.yaml', block));
        break;
      default:
        test(name, () => assert.fail(`nothing runs a block of ${block.language}`));
    }
  }
});

interface Walk {
  /** @returns stdout; nothing for a server, which runs until the tutorial starts it again */
  run(command: string): Promise<string>;
  /** Compares the output of a command that ends. */
  shows(step: Step): Promise<void>;
  /** Compares the output of the server started last. */
  says(block: CodeBlock): Promise<void>;
  holds(file: string, block: CodeBlock): Promise<void>;
}

async function startWalk(): Promise<Walk> {
  // Servers must outlive the test that starts them: the tutorial's terminals stay open to its end.
  const ends: (() => unknown)[] = [];
  const owner: Owner = { after: (end) => ends.push(end) };
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  const folder = await tempDir(owner, 'tutorial');
  for (const name of ['config', 'package.json']) await symlink(join(root, name), join(folder, name));
  const ports = new Map<string, string>();
  for (const port of ['8080', '8081', '8443', '9090']) ports.set(port, String(await freePort()));
  const here = (text: string): string =>
    text.replace(/(?<=:)(?:8080|8081|8443|9090)\b/g, (port) => ports.get(port)!);
  const there = (text: string): string =>
    [...ports].reduce((all, [shown, port]) => all.replaceAll(`:${port}`, `:${shown}`), text);
  const staying = new Map<string, RunningProcess>();
  let last: RunningProcess | null = null;
  const environment = {
    cwd: folder,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
      SEKISHO_TOKEN: undefined,
    },
  };
  // Node's compile cache is in the checkout.
  const script = packageJson.scripts.sekisho
    .replace(/^NODE_COMPILE_CACHE=\S+ /, '')
    .replace('src/cli.ts', join(root, 'src/cli.ts'));

  async function stay(command: string): Promise<void> {
    await staying.get(command)?.stop();
    last = await startProcess(
      owner,
      'sh',
      ['-c', `exec ${asRun(command).replace(/^exec /, '')}`],
      environment,
    );
    staying.set(command, last);
    if (command.includes('apache2')) await last.waitForPort(Number(ports.get('8081')));
    else await last.waitForLine(/^listening https /, 60_000);
  }
  const asRun = (command: string): string => here(command.replace('npm run -s sekisho --', script));

  async function run(command: string): Promise<string> {
    if (notRun.has(command)) return '';
    if (/-DFOREGROUND$| sekisho -- start /.test(command)) {
      await stay(command);
      return '';
    }
    const { stdout, stderr } = await runProcess('sh', ['-c', asRun(command)], environment);
    if (command.startsWith('cp -r ')) await settle(folder, here);
    // A reader would see these complaints too.
    assert.doesNotMatch(stderr, /no such file|not found|error|cannot/i, command);
    return there(stdout);
  }

  return {
    run,
    async shows({ command, output }) {
      // The journal writes events within a second; a reader types no faster.
      await inTime(command.includes('/api/') ? 5_000 : 0, async () =>
        assertOutput(await run(`{ ${command}; } 2>&1`), output),
      );
    },
    // The line is written once the evidence is complete.
    says: ({ text }) => inTime(5_000, async () => assertOutput(there(last!.stderr()), `…\n${text}`)),
    async holds(file, { text }) {
      assert.ok(
        there(await readFile(join(folder, file), 'utf8')).includes(text),
        `${file} holds other lines`,
      );
    },
  };
}

/** Puts the reader's files on free ports, and sets the terminal log format. */
async function settle(folder: string, here: (text: string) => string): Promise<void> {
  for (const name of ['apache.conf', 'sekisho.yaml']) {
    const file = join(folder, 'practice', name);
    await writeFile(file, here(await readFile(file, 'utf8')));
  }
  await writeFile(join(folder, 'practice/sekisho.yaml'), 'log: { format: pretty }\n', { flag: 'a' });
}

/** Retries until it holds. @throws its last error once the time (milliseconds) is over */
async function inTime(time: number, holds: () => Promise<void>): Promise<void> {
  const end = Date.now() + time;
  for (;;) {
    try {
      await holds();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await delay(100);
    }
  }
}
