/** Terminal transcripts in the pages match what the program prints. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, suite, test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { peer } from '../support/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type CodeBlock, pages, root } from './markdown.ts';
import { assertOutput, steps } from './terminal.ts';

const owner = { after };

/** Starts the README's first command on a free port, with the given log format. */
async function start(format: 'pretty' | 'json'): Promise<{ program: RunningProcess; port: number }> {
  const config = join(await tempDir(owner, 'transcript'), 'sekisho.yaml');
  const shipped = await readFile(join(root, 'config/sekisho.yaml'), 'utf8');
  await writeFile(
    config,
    `${shipped.replace('127.0.0.1:9090', '127.0.0.1:0')}\nlog: { format: ${format} }\n`,
  );
  const program = await startProcess(
    owner,
    process.execPath,
    [join(root, 'src/cli.ts'), 'start', '--config', config, '--listen', '127.0.0.1:0'],
    { cwd: join(config, '..') },
  );
  const [, port] = await program.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/);
  return { program, port: Number(port) };
}

const blocksOf = (page: string, language: string): CodeBlock[] =>
  pages.find(({ path }) => path === page)!.blocks.filter((block) => block.language === language);

/** The command with this run's port, and without npm, which only starts the script. */
const asRun = (command: string, port: number): string =>
  command
    .replaceAll(':8080', `:${port}`)
    .replace('npm run -s sekisho -- ', `${packageJson.scripts.sekisho} `);

const runnable = /^(?:curl |printf |echo |npm run -s sekisho -- (?:check|explain|scan) )/;
/** Each once: translations have the same transcripts. */
const transcripts = new Map(
  // The tutorial's steps depend on each other: tutorial.test.ts runs them.
  pages
    .filter(({ path }) => !path.startsWith('docs/tutorial/'))
    .flatMap(({ path, blocks }) =>
      blocks
        .filter(({ language }) => language === 'console')
        .flatMap((block) =>
          steps(block).map((step) => [
            `${step.command}\n${step.output}`,
            { ...step, name: `${path}:${block.line}: ${step.command}` },
          ]),
        ),
    ),
);

suite('transcripts', async () => {
  const { program, port } = await start('pretty');

  for (const { name, command, output } of transcripts.values()) {
    const skip = command.startsWith('curl ') && peer('curl') === null ? 'needs curl' : false;
    test(name, { skip }, async () => {
      assert.match(command, runnable, 'a transcript of this command cannot be checked');
      const { stdout } = await runProcess('sh', ['-c', asRun(command, port)], {
        cwd: root,
        env: {
          PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
          NO_COLOR: '1',
          FORCE_COLOR: undefined,
        },
      });
      assertOutput(stdout, output);
    });
  }

  test('the terminal log', async () => {
    const shown = blocksOf('README.md', 'text').find(({ text }) =>
      text.includes('blocked      127.0.0.1'),
    )!.text;
    await exchange(port, 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n');
    const [line] = await program.waitForLine(/^.*blocked {6}127.*$/);
    const time = /^[\d:]{8}/;
    assert.equal(line.replace(time, 'time'), shown.trimEnd().replace(time, 'time'));
  });

  test('the JSON log', async () => {
    const { text } = blocksOf('docs/reference/log.md', 'json').find((block) =>
      block.text.includes('"probe"'),
    )!;
    const json = await start('json');
    await exchange(json.port, 'GET http://www.example.com/ HTTP/1.0\r\n\r\n');
    const [line] = await json.program.waitForLine(/^.*"event":"probe".*$/);
    const settled = (event: string): object => ({
      ...(JSON.parse(event) as object),
      time: 'now',
      listener: 'here',
      localPort: 8080,
      clientPort: 40_000,
      session: 'one',
    });
    assert.deepEqual(settled(line), settled(text));
    assert.deepEqual(Object.keys(JSON.parse(line) as object), Object.keys(JSON.parse(text) as object));
  });
});
