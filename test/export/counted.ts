/** The rows of the corpus that the real fail2ban and CrowdSec count in the logs of the real nginx and Apache. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { corpus } from '../corpus/corpus.ts';
import type { CorpusRow } from '../corpus/row.ts';
import { runCrowdsec } from '../support/crowdsec.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { anyBackend } from './any-backend.ts';
import { legitimate, probedRules, probesOf } from './catches.ts';
import { type ExportServer, partsOf, servers, strictlyBanning } from './servers.ts';

const loggingServers = servers.filter(({ target }) => target === 'nginx' || target === 'apache');

interface LoggedCorpus {
  readonly server: ExportServer;
  readonly log: string;
}

/** A program that counts, and the rows that it counts in a log. */
interface Counter {
  readonly target: 'fail2ban' | 'crowdsec';
  readonly title: string;
  readonly peer: string;
  rows(owner: Owner, logged: LoggedCorpus): Promise<ReadonlySet<CorpusRow>>;
}

export interface Counted {
  readonly counter: Counter;
  readonly server: ExportServer;
  readonly rows: ReadonlySet<CorpusRow>;
}

/** Every row has its own client address. */
const addressOf = (index: number): string => `127.1.${index >> 8}.${index & 255}`;

const rowsOf = (addresses: ReadonlySet<string>): ReadonlySet<CorpusRow> =>
  new Set(corpus.filter((_, index) => addresses.has(addressOf(index))));

const fail2ban: Counter = {
  target: 'fail2ban',
  title: 'fail2ban',
  peer: 'fail2ban-regex',
  async rows(owner, { log }) {
    const filter = join(await tempDir(owner, 'fail2ban'), 'sekisho-access.conf');
    await writeFile(filter, partsOf('fail2ban').filter!);
    const { stdout } = await runProcess(requirePeer('fail2ban-regex'), ['--out', 'ip', log, filter]);
    return rowsOf(new Set(stdout.split('\n')));
  },
};

/** One probe is enough for a ban, because every row has its own address. */
const crowdsec: Counter = {
  target: 'crowdsec',
  title: 'CrowdSec',
  peer: 'crowdsec',
  async rows(owner, { server, log }) {
    const type = server.target === 'apache' ? 'apache2' : 'nginx';
    const files = crowdsecFiles(partsOf('crowdsec', strictlyBanning));
    const { decisions } = await runCrowdsec(owner, { type, log, files });
    return rowsOf(new Set(decisions.map(({ address }) => address)));
  },
};

export const counters: readonly Counter[] = [fail2ban, crowdsec];

/** The programs that the counters need. */
export const countingPeers = [...counters, ...loggingServers].map(({ peer }) => peer);

/** The parts by their place below /etc/crowdsec. */
export const crowdsecFiles = (parts: Readonly<Record<string, string>>): Record<string, string> => ({
  'parsers/s01-parse/sekisho-access-log.yaml': parts.parser!,
  'parsers/s02-enrich/sekisho-rules.yaml': parts.rules!,
  'scenarios/sekisho-relay-probes.yaml': parts.scenario!,
  ...(parts.profile === undefined ? {} : { 'profiles.yaml.local': parts.profile }),
});

/** Runs every counter over the log of every server. @throws if rows are missing from a log */
export async function countAll(owner: Owner): Promise<Counted[]> {
  const logged: LoggedCorpus[] = [];
  for (const server of loggingServers) logged.push(await logCorpus(owner, server));
  const all: Counted[] = [];
  for (const counter of counters) {
    for (const one of logged) all.push({ counter, server: one.server, rows: await counter.rows(owner, one) });
  }
  return all;
}

async function logCorpus(owner: Owner, server: ExportServer): Promise<LoggedCorpus> {
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
  const log = join(dir!, 'access.log');
  const lines = (await readFile(log, 'latin1')).split('\n').length;
  if (lines < 0.9 * corpus.length) throw new Error(`${lines} lines of ${corpus.length} rows`);
  return { server, log };
}

/** Legitimate rows that would count towards a ban. */
export const countedLegitimate = ({ rows }: Counted): string[] =>
  // Trusted proxies and the allow-list have other addresses here; both programs are configured to ignore them.
  legitimate.filter((row) => rows.has(row) && row.client === undefined).map(({ id }) => id);

export function countedTable(all: readonly Counted[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const titles = all.map(({ counter, server }) => `${counter.title}, ${server.title}`);
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
