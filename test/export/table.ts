/**
 * The tables of docs/how-to/export-native-config.md: rows of the corpus that each server refuses, and rows that log readers count.
 * `node test/export/table.ts` rewrites them; with names of targets it only prints those.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Owner } from '../support/owner.ts';
import { type Catches, catches, legitimate, probedRules, probesOf } from './catches.ts';
import { countAll, countedTable } from './counted.ts';
import { type ExportServer, servers } from './servers.ts';

export interface Measured {
  readonly server: ExportServer;
  /** With the server's default configuration. */
  readonly plain: Catches;
  /** With its export. */
  readonly exported: Catches;
}

export async function measure(owner: Owner, server: ExportServer): Promise<Measured> {
  return {
    server,
    plain: await catches(owner, server, false),
    exported: await catches(owner, server, true),
  };
}

/** Legitimate rows that the server serves by default but refuses with the export. */
export const falseAlarms = ({ plain, exported }: Measured): string[] =>
  legitimate.filter((row) => plain.served.has(row) && !exported.served.has(row)).map(({ id }) => id);

export function table(measured: readonly Measured[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const lines = [
    row(['rule', 'rows', ...measured.map(({ server }) => server.title)]),
    row(['---', '---', ...measured.map(() => '---')]),
  ];
  for (const rule of probedRules) {
    const probes = probesOf(rule);
    const cells = measured.map(({ plain, exported }) => {
      const [before, after] = [plain, exported].map(
        ({ refused }) => probes.filter((probe) => refused.has(probe)).length,
      );
      return `${before} → ${after}`;
    });
    lines.push(row([`\`${rule}\``, String(probes.length), ...cells]));
  }
  const alarms = measured.map(
    (one) =>
      `${falseAlarms(one).length} / ${legitimate.filter((probe) => one.plain.served.has(probe)).length}`,
  );
  lines.push(row(['false alarms', String(legitimate.length), ...alarms]));
  return lines.join('\n');
}

export const page = resolve(import.meta.dirname, '../../docs/how-to/export-native-config.md');
const [start, end] = ['<!-- catches -->', '<!-- /catches -->'];

/** The tables in the page. */
export function tableInPage(): string {
  const text = readFileSync(page, 'utf8');
  return text.slice(text.indexOf(start) + start.length, text.indexOf(end)).trim();
}

function write(name: string, content: string): void {
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(`<!-- ${name} -->`), text.indexOf(`<!-- /${name} -->`)];
  writeFileSync(page, `${text.slice(0, from)}<!-- ${name} -->\n${content}\n${text.slice(to)}`);
}

if (import.meta.main) {
  const stops: (() => unknown)[] = [];
  const owner = { after: (stop: () => unknown) => void stops.push(stop) };
  const measured: Measured[] = [];
  const only = process.argv.slice(2);
  for (const server of servers.filter(({ target }) => only.length === 0 || only.includes(target)))
    measured.push(await measure(owner, server));
  if (only.length === 0) {
    const counted = await countAll(owner);
    write('catches', table(measured));
    write('counted', countedTable(counted));
    console.log(countedTable(counted));
  }
  console.log(table(measured));
  for (const { server, exported } of measured) {
    for (const rule of probedRules)
      for (const probe of probesOf(rule))
        if (!exported.refused.has(probe)) console.log(`${server.title} lets through, ${rule}: ${probe.id}`);
  }
  for (const one of measured)
    for (const id of falseAlarms(one)) console.log(`${one.server.title}, a false alarm: ${id}`);
  for (const stop of stops.reverse()) await stop();
}
