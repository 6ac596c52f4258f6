/** The program started by `npm run`: when npm ends, the gateway ends. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const root = join(import.meta.dirname, '../..');

async function startBehindNpm(t: TestContext, ...flags: string[]) {
  const file = join(await tempDir(t, 'npm'), 'sekisho.yaml');
  await writeFile(
    file,
    'listen: ["127.0.0.1:0"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\nadmin: false\n',
  );
  const args = ['run', '-s', 'sekisho', '--', 'start', '--config', file, ...flags];
  const npm = await startProcess(t, 'npm', args, { cwd: root });
  const [, port] = await npm.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 60_000);
  return { npm, accepts: () => accepts(Number(port)) };
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

test('SIGTERM to npm ends its gateway and frees the port', async (t) => {
  const { npm, accepts } = await startBehindNpm(t);
  assert.equal(await accepts(), true);
  npm.signal('SIGTERM');
  await eventually(async () => !(await accepts()), 'the port is free', 15_000);
  await npm.exited;
});

test('--end-with-parent ends the gateway even if its parent is killed', async (t) => {
  const { npm, accepts } = await startBehindNpm(t, '--end-with-parent');
  npm.signal('SIGKILL');
  await eventually(async () => !(await accepts()), 'the port is free', 15_000);
});

test('npm start uses both', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  assert.match(scripts.start!, / exec node .* --end-with-parent$/);
  assert.match(scripts.sekisho!, / exec node /);
});
