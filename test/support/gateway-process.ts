/** The real program in its own process, from a config file. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Owner } from './owner.ts';
import { type ProcessOptions, type RunningProcess, startProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

export interface GatewayProcess {
  readonly port: number;
  readonly process: RunningProcess;
}

export const root = join(import.meta.dirname, '../..');

/**
 * Starts `sekisho start` on a free loopback port.
 *
 * @param yaml the config, without `listen` and `admin`
 * @param nodeArgs before the program's name
 */
export async function startGatewayProcess(
  owner: Owner,
  yaml: string,
  nodeArgs: readonly string[] = [],
  options: ProcessOptions = {},
): Promise<GatewayProcess> {
  const config = join(await tempDir(owner, 'gateway'), 'sekisho.yaml');
  await writeFile(config, `listen: ["127.0.0.1:0"]\nadmin: false\n${yaml}\n`);
  const args = [...nodeArgs, 'src/cli.ts', 'start', '--config', config];
  const child = await startProcess(owner, process.execPath, args, { cwd: root, ...options });
  const [, port] = await child.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
  return { port: Number(port), process: child };
}
