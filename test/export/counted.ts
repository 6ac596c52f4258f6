/** Which rows of the corpus the real fail2ban counts, in what the real nginx and Apache log of them. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { corpus } from '../corpus/corpus.ts';
import type { CorpusRow } from '../corpus/row.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { anyBackend } from './any-backend.ts';
import { legitimate, probedRules, probesOf } from './catches.ts';
import { type ExportServer, partsOf, servers } from './servers.ts';

export const loggingServers = servers.filter(({ target }) => target === 'nginx' || target === 'apache');

export interface Counted {
  readonly server: ExportServer;
  readonly rows: ReadonlySet<CorpusRow>;
}

/** Every row comes from an address of its own. */
const addressOf = (index: number): string => `127.1.${index >> 8}.${index & 255}`;

/** @throws where rows are missing from the log */
export async function countedIn(owner: Owner, server: ExportServer): Promise<Counted> {
  const backend = await anyBackend(owner);
  const { port, dir } = await server.start(owner, backend.port, true);
  const left = [...corpus.entries()];
  const lane = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const [index, { bytes }] = next;
      await exchange(port, bytes, { from: addressOf(index), until: 1, timeout: 1_500, halfClose: true });
    }
  };
  await Promise.all(Array.from({ length: 24 }, lane));
  const filter = join(await tempDir(owner, 'fail2ban'), 'sekisho-access.conf');
  await writeFile(filter, partsOf('fail2ban').filter!);
  const log = join(dir!, 'access.log');
  const lines = (await readFile(log, 'latin1')).split('\n').length;
  if (lines < 0.9 * corpus.length) throw new Error(`${lines} lines of ${corpus.length} rows`);
  const { stdout } = await runProcess(requirePeer('fail2ban-regex'), ['--out', 'ip', log, filter]);
  const addresses = new Set(stdout.split('\n'));
  return { server, rows: new Set(corpus.filter((_, index) => addresses.has(addressOf(index)))) };
}

/** Legitimate rows that would count towards a ban. */
export const countedLegitimate = ({ rows }: Counted): string[] =>
  legitimate.filter((row) => rows.has(row)).map(({ id }) => id);

export function countedTable(all: readonly Counted[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const titles = all.map(({ server }) => `log of ${server.title}`);
  const lines = [row(['rule', 'rows', ...titles]), row(['---', '---', ...titles.map(() => '---')])];
  for (const rule of probedRules) {
    const probes = probesOf(rule);
    const cells = all.map(({ rows }) => String(probes.filter((probe) => rows.has(probe)).length));
    lines.push(row([`\`${rule}\``, String(probes.length), ...cells]));
  }
  const alarms = all.map((one) => String(countedLegitimate(one).length));
  lines.push(row(['false alarms', String(legitimate.length), ...alarms]));
  return lines.join('\n');
}
