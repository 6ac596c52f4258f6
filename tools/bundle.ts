/**
 * Builds the program as one file that needs only Node, for machines without npm.
 *
 * `node tools/bundle.ts [FOLDER] [--if-needed]` writes sekisho.cjs there; without FOLDER into dist-bundle. With --if-needed
 * the dashboard is only built if it is missing or outdated.
 */
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { licenceTexts } from './bundle/licence-texts.ts';
import { singleFile } from './bundle/single-file.ts';
import { nodeVersionCheck } from './node-version.ts';

const root = resolve(import.meta.dirname, '..');
const target = resolve(
  process.argv.slice(2).find((arg) => !arg.startsWith('-')) ?? join(root, 'dist-bundle'),
  'sekisho.cjs',
);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
};
const banner = `#!/usr/bin/env node
// sekisho ${version}
${nodeVersionCheck}`;

await import('../src/dashboard/build.ts');
const bundle = await rolldown({
  input: join(root, 'tools/bundle/entry.ts'),
  platform: 'node',
  // An older Node must be able to parse the whole file, or the version check in its first line never runs.
  transform: { target: 'node18' },
  plugins: [singleFile(root)],
  onLog(level, log) {
    if (level === 'warn') process.stderr.write(`${log.message}\n`);
  },
});
await bundle.write({
  file: target,
  format: 'cjs',
  codeSplitting: false,
  banner,
  postFooter: licenceTexts(root),
});
await bundle.close();
chmodSync(target, 0o755);
process.stdout.write(`${target} ${(statSync(target).size / 1e6).toFixed(1)} MB\n`);
