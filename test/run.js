/**
 * Runs the tests: `node test/run.js [--coverage] [--again] [--quick | --soak | PATH…]`; `test/runner.ts` does the work. This file is JavaScript, and `run.ts` is a
 * link to it, so that a Node that cannot read TypeScript still starts it. It then hands over to the checkout's own Node.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const own = join(root, 'node_modules/.bin/node');
if (major > 24 || (major === 24 && minor >= 9)) {
  await import('./runner.ts');
} else if (existsSync(own)) {
  const runner = join(root, 'test/runner.ts');
  const { status, signal } = spawnSync(own, [runner, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exitCode = status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
} else {
  console.error(
    `The tests need Node 24.9 or newer, and this is ${process.versions.node}. Run \`npm ci\`: it brings one along.`,
  );
  process.exitCode = 1;
}
