/**
 * Tests the same servers with nmap's scripts, nuclei's templates (their requests and matchers, replayed) and the audit, for the
 * tables in docs/how-to/audit-my-server.md. `node test/audit/agreement.ts` rewrites the tables.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathTechniques } from '../../src/audit/path-techniques.ts';
import { exitCode } from '../../src/audit/verdict.ts';
import { type AuditedPort, auditPort } from '../support/audit-port.ts';
import { nameServer } from '../support/name-server.ts';
import { nmapPorts } from '../support/nmap.ts';
import type { Owner } from '../support/owner.ts';
import { nucleiProxyTemplates } from './nuclei.ts';
import { type SetUp, setUpPeers, setUps } from './set-ups.ts';
import { StandIn } from './stand-in.ts';

export const page = resolve(import.meta.dirname, '../../docs/how-to/audit-my-server.md');

/** Programs that {@link agreement} needs. */
export const peers = [...setUpPeers, 'nmap'];

/** Servers started or audited at a time. */
const atATime = 8;

export interface Compared {
  readonly setUp: SetUp;
  readonly audited: AuditedPort;
  readonly exitCode: number;
}

/** Runs everything. @throws if it must not listen on port 80 of a loopback address */
export async function agreement(owner: Owner): Promise<{ table: string; compared: readonly Compared[] }> {
  // nmap's CONNECT and SOCKS tests always connect to port 80 of the URL's host.
  const host = `127.${randomInt(1, 64)}.${randomInt(256)}.${randomInt(1, 255)}`;
  const standIn = await StandIn.open(owner, host);
  // nmap's SOCKS tests look up even addresses.
  await nameServer(owner, host, host);
  const ports = await each(setUps, async ({ start, name }) => {
    try {
      return (await start(owner)).port;
    } catch (cause) {
      throw new Error(`${name} does not start`, { cause });
    }
  });
  const of = (mail: boolean): number[] => ports.filter((_, index) => (setUps[index]?.mail === true) === mail);
  const proxy = { 'proxy.url': `http://${host}/`, 'proxy.pattern': 'canary' };
  const [web, mail] = await Promise.all([
    nmapTwice({
      ports: of(false),
      scripts: ['http-open-proxy', 'socks-open-proxy'],
      nameServer: host,
      args: proxy,
    }),
    nmapTwice({ ports: of(true), scripts: ['smtp-open-relay'], nameServer: host }),
  ]);
  // After nmap: some servers connect to themselves for each request and cannot serve two scanners at once.
  const nuclei = await each(setUps, ({ mail }, index) =>
    mail ? null : nucleiProxyTemplates(ports[index]!, standIn),
  );
  const audits = await each(setUps, async ({ name }, index) => {
    // Patient: on a busy machine a server that answers late must not pass for one that is silent.
    const bounds = { patience: 2_000, signal: AbortSignal.timeout(300_000) };
    const paths = pathTechniques(['/get?url=']);
    const audited = await auditPort(owner, ports[index]!, bounds, '127.0.0.1', paths);
    if (audited.findings.length === 0) throw new Error(`${name}: nothing was tried: ${audited.notes.join()}`);
    return audited;
  });
  const rows = setUps.map((setUp, index) => {
    const audited = audits[index]!;
    const scripts = (setUp.mail ? mail : web).get(ports[index]!) ?? new Map<string, string>();
    const cells = setUp.mail
      ? [mailCell(scripts.get('smtp-open-relay') ?? ''), auditCell(audited)]
      : [webCell(scripts), nuclei[index]!.join(', ') || '–', auditCell(audited)];
    return { setUp, line: `| ${[setUp.name, ...cells].join(' | ')} |` };
  });
  const part = (title: string, mail: boolean, open: boolean): string[] => [
    `| ${title} | ${mail ? 'nmap | `sekisho audit`' : 'nmap | nuclei | `sekisho audit --paths`'} |`,
    mail ? '|---|---|---|' : '|---|---|---|---|',
    ...rows
      .filter(({ setUp }) => (setUp.mail === true) === mail && setUp.open === open)
      .map(({ line }) => line),
  ];
  const table = [
    ...part('open', false, true),
    '',
    ...part('closed', false, false),
    '',
    ...part('open mail server', true, true),
    '',
    ...part('closed mail server', true, false),
  ].join('\n');
  const compared = setUps.map((setUp, index) => ({
    setUp,
    audited: audits[index]!,
    exitCode: codeOf(audits[index]!),
  }));
  return { table, compared };
}

const codeOf = ({ findings }: AuditedPort): number =>
  exitCode(findings, { untested: [], slow: [], unheardPorts: [], paths: true });

/** Runs `work` on each, `atATime` at a time; results are in order. */
async function each<T>(
  what: readonly SetUp[],
  work: (one: SetUp, index: number) => Promise<T> | T,
): Promise<T[]> {
  const results: T[] = [];
  const waiting = [...what.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results[next[0]] = await work(next[1], next[0]);
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  return results;
}

function webCell(scripts: ReadonlyMap<string, string>): string {
  const http = /Methods supported:\s*([A-Z ]+)/.exec(scripts.get('http-open-proxy') ?? '')?.[1];
  const socks = scripts.get('socks-open-proxy') ?? '';
  const found = [
    ...(http?.trim().replace('CONNECTION', 'CONNECT').split(/ +/) ?? []),
    ...(/status: open/.test(socks) ? [...socks.matchAll(/socks[45]/g)].map(([name]) => name) : []),
  ];
  return found.length === 0 ? '–' : `open: ${found.join(', ')}`;
}

const mailCell = (output: string): string => {
  const passed = /open relay \((\d+\/\d+) tests\)/.exec(output)?.[1];
  return passed === undefined ? '–' : `open: ${passed} tests`;
};

/** Rules, not counts: where a server connects to itself, the number of relayed spellings depends on timing. */
const auditCell = (audited: AuditedPort): string => {
  const rules = new Set(audited.relays.map((technique) => technique.split('/')[0]!));
  const web = ['absolute-form-foreign', 'host-foreign', 'connect', 'socks4', 'socks5', 'url-in-path'];
  const mail = ['smtp-foreign-recipient', 'smtp-source-route', 'smtp-percent-hack', 'smtp-bang-path'];
  const names = [...web, ...mail].filter((rule) => rules.has(rule)).map((rule) => `\`${rule}\``);
  if (audited.relays.length > 0) return `**relays**: ${names.join(', ')}`;
  return codeOf(audited) === 0 ? '–' : 'unclear';
};

const [start, end] = ['<!-- agreement -->', '<!-- /agreement -->'];

/** The tables in the page. */
export function tableInPage(): string {
  const text = readFileSync(page, 'utf8');
  return text.slice(text.indexOf(start) + start.length, text.indexOf(end)).trim();
}

if (import.meta.main) {
  const stops: (() => unknown)[] = [];
  const { table } = await agreement({ after: (stop) => void stops.push(stop) });
  await Promise.all(stops.reverse().map((stop) => stop()));
  const text = readFileSync(page, 'utf8');
  const [before, after] = [text.slice(0, text.indexOf(start) + start.length), text.slice(text.indexOf(end))];
  writeFileSync(page, `${before}\n${table}\n${after}`);
  console.log(table);
}

/** On a busy machine nmap misses answers. For each script of a port, the run that found more holds. */
async function nmapTwice(options: Parameters<typeof nmapPorts>[0]): ReturnType<typeof nmapPorts> {
  const first = await nmapPorts(options);
  const second = await nmapPorts(options);
  const found = (scripts: ReadonlyMap<string, string> | undefined, id: string): string =>
    scripts?.get(id) ?? '';
  return new Map(
    options.ports.map((port) => {
      const [one, other] = [first.get(port), second.get(port)];
      const ids = new Set([...(one?.keys() ?? []), ...(other?.keys() ?? [])]);
      const merged = [...ids].map((id) => {
        const [a, b] = [found(one, id), found(other, id)];
        return [id, b.length > a.length ? b : a] as const;
      });
      return [port, new Map(merged)];
    }),
  );
}
