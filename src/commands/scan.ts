import { writeFile } from 'node:fs/promises';
import { catalogue, presetAction, type Rule } from '../rules/catalogue.ts';
import { ruleSettings } from '../rules/policy.ts';
import { namedFormat } from '../scan/detect.ts';
import type { QuotedFinding } from '../scan/finding.ts';
import { followLogs } from '../scan/follow.ts';
import { htmlReport } from '../scan/html-report.ts';
import { hostOf } from '../scan/own-names.ts';
import { ProgressBar } from '../scan/progress.ts';
import type { RehearsalRules } from '../scan/rehearsal.ts';
import { type ScanOptions, type ScanResult, scanLogs } from '../scan/scan-logs.ts';
import { shownName } from '../scan/shown-name.ts';
import { captureHelp } from '../scan/sources.ts';
import { textReport } from '../scan/text-report.ts';
import { environmentLanguage } from '../words/language.ts';
import { inputError } from './input-error.ts';

export interface ScanCommandOptions {
  /** Config file with our hosts, the served ports and the policy to rehearse. */
  readonly config?: string;
  /** Hosts that are ours, instead of those in the file. */
  readonly host?: readonly string[];
  /** Format id, LogFormat or log_format. */
  readonly format?: string;
  /** One JSON object per finding on stdout; the report goes to stderr. */
  readonly json?: boolean;
  /** File to write the HTML report to. */
  readonly html?: string;
  readonly rehearse?: boolean;
  readonly follow?: boolean;
  readonly all?: boolean;
  readonly pcap?: boolean;
  readonly threads?: number;
}

/** `sekisho scan`: finds past probes in logs, and whether each succeeded. */
export async function run(logs: readonly string[], options: ScanCommandOptions): Promise<number> {
  const wrong = usageFault(logs, options);
  if (wrong !== null) {
    inputError('scan', ...wrong);
    return 2;
  }
  if (options.pcap === true) {
    for (const log of logs) process.stderr.write(`sekisho scan: ${shownName(log)} ${captureHelp(log)}\n`);
    return 2;
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // `sekisho scan … | head`: the reader left, so stop quietly.
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const { json = false } = options;
  const bar = process.stderr.isTTY && options.follow !== true ? new ProgressBar(process.stderr) : null;
  const scanOptions: ScanOptions = {
    logs,
    ...(await ownHosts(options)),
    format: options.format ?? null,
    all: options.all === true,
    threads: options.threads ?? null,
    now: Date.now(),
    rehearse: options.rehearse === true ? await rehearsalRules(options.config) : null,
    onFinding: json ? printJson : options.follow === true ? printLine : () => {},
    ...(bar === null ? {} : { onProgress: bar.draw }),
  };
  const result =
    options.follow === true ? await followLogs(scanOptions, interrupted()) : await scanLogs(scanOptions);
  writeFindings();
  bar?.clear();
  const people = json ? process.stderr : process.stdout;
  const language = environmentLanguage(process.env);
  people.write(textReport(result, language));
  if (options.html !== undefined) await writeFile(options.html, htmlReport(result, language));
  return exitCode(result);
}

function usageFault(
  logs: readonly string[],
  { format, follow, host }: ScanCommandOptions,
): [string, string] | null {
  if (format !== undefined) {
    try {
      namedFormat(format);
    } catch (error) {
      return [(error as Error).message, 'omit --format to detect the format'];
    }
  }
  for (const name of host ?? []) {
    if (hostOf(name.replace(/^\*\./, '').replace(/:\*$/, '')) === null) {
      return [
        `--host ${JSON.stringify(name)} is not a host`,
        'write a name or an address: --host www.example.net',
      ];
    }
  }
  if (follow === true && logs.includes('-'))
    return ['stdin cannot be followed', 'omit --follow: stdin is read to its end anyway'];
  return null;
}

async function ownHosts({
  config: file,
  host,
}: ScanCommandOptions): Promise<Pick<ScanOptions, 'hosts' | 'ports'>> {
  const named = (host ?? []).map((name) => name.replace(/:\*$/, ''));
  if (file === undefined) return { hosts: named, ports: null };
  const { config, policy, sites } = await readConfig(file);
  const hosts =
    named.length > 0 ? named : config.sites.flatMap((site) => site.hosts.map((entry) => entry.host));
  return { hosts, ports: [...sites.keys()].some(({ anyPort }) => anyPort) ? null : policy.ports };
}

/** Loads the config code only if there is a config: loading it takes longer than scanning a small log. */
async function readConfig(file: string) {
  const [{ loadConfig }, { compile }] = await Promise.all([
    import('../config/load.ts'),
    import('../config/compile.ts'),
  ]);
  const config = loadConfig(file);
  return { config, ...compile(config) };
}

/** The rules of the config; without one, the default preset with its bans. */
async function rehearsalRules(file: string | undefined): Promise<RehearsalRules> {
  if (file === undefined) {
    const rules = ruleSettings((id) => ({
      action: presetAction('default', id),
      answer: (catalogue[id] as Rule).answer,
    }));
    return { rules, bans: { after: 5, within: 600_000 }, allowed: null };
  }
  const { config, policy, clients } = await readConfig(file);
  return { rules: policy.rules, bans: config.bans, allowed: clients.allowed };
}

/** Findings are written in batches: one write per finding costs a tenth of the time for a log full of probes. */
let unwritten = '';

const writeFindings = (): void => {
  if (unwritten !== '') process.stdout.write(unwritten);
  unwritten = '';
};

const printJson = ({ text: _, ...finding }: QuotedFinding): void => {
  if (unwritten === '') setImmediate(writeFindings);
  unwritten += `${JSON.stringify(finding)}\n`;
  if (unwritten.length > 65_536) writeFindings();
};

const printLine = ({ time, client, technique, target, outcome, why }: QuotedFinding): void => {
  process.stdout.write(`${time ?? '-'} ${client} ${technique} ${target} ${outcome}: ${why}\n`);
};

function interrupted(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

/** A log that could not be read makes the result inconclusive: it may hold a relay. */
function exitCode({ tally, requests, faults }: ScanResult): number {
  const { 'likely-relayed': relayed, unclear, attempted } = tally.outcomes;
  if (relayed > 0) return 1;
  if (requests === 0) return 2;
  return unclear > 0 || attempted > 0 || faults.some(({ harmless }) => harmless !== true) ? 3 : 0;
}
