/** Builds `dist/program`: the command `sekisho`, and the entry points of its processes and threads. */
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { compile, dist } from './compiled.ts';
import { nodeVersionCheck } from './node-version.ts';

/** Each is started by its file name, from the files beside it. */
const entries: Readonly<Record<string, string>> = {
  cli: 'src/cli.ts',
  worker: 'src/program/workers/worker.ts',
  'journal-thread': 'src/events/journal-thread.ts',
  'journal-reader': 'src/events/journal-reader.ts',
  'list-thread': 'src/bans/list-thread.ts',
  'scan-thread': 'src/scan/scan-thread.ts',
  // The plugin `dashboard` uses the program's admin server.
  'control-plane': 'src/program/control-plane.ts',
};

export async function buildProgram(): Promise<void> {
  const banner = ({ name }: { name: string }) => (name === 'cli' ? nodeVersionCheck : '');
  await compile('program', entries, { name: 'program', banner });
  chmodSync(join(dist, 'program/cli.cjs'), 0o755);
}
