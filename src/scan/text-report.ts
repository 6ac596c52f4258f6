/** The report for a terminal. */

import { adviceFor } from './advice.ts';
import { outcomes } from './finding.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { ScanResult } from './scan-logs.ts';
import { shownName } from './shown-name.ts';
import { type OutcomeCounts, ranked, sum } from './tally.ts';
import { counted, number, verdictSentence } from './verdict.ts';

const barWidth = 40;
const rows = 10;

export function textReport(result: ScanResult): string {
  const { tally, files } = result;
  const parts = [verdictSentence(result), assumptions(result), fileTable(files)];
  if (tally.total > 0) {
    parts.push(
      table('By technique', ranked(tally.techniques)),
      bars(
        'By outcome',
        outcomes.map((outcome) => [outcome, tally.outcomes[outcome]]),
      ),
      table('By intent', ranked(tally.intents)),
      table(`By source (${number(tally.clients.size)})`, ranked(tally.clients)),
      timeline(result),
      worst(result),
      advice(result),
    );
  }
  if (result.rehearsal !== null) parts.push(rehearsalText(result.rehearsal));
  parts.push(faults(result));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function assumptions({ learned, hosts, asked, ownAbsolute, ownClients }: ScanResult): string {
  const lines: string[] = [];
  if (hosts.length > 0) lines.push(`Own names, as told: ${hosts.join(', ')}`);
  else if (learned.length > 0) {
    lines.push('Assumed to be your own names (--host NAME tells them; then nothing is assumed):');
    for (const { name, from } of learned.slice(0, rows)) lines.push(`  ${name}: ${from}`);
    if (learned.length > rows) lines.push(`  and ${learned.length - rows} more`);
  } else
    lines.push(
      'Your own names could not be learned from the log: every name is taken for foreign. --host NAME tells them.',
    );
  if (asked.size > 0) {
    lines.push(
      'Are these yours? Mail of strangers was sent on to them, or pages of them came from here. --host NAME says yes:',
    );
    const most = [...asked].sort(([, a], [, b]) => b - a);
    for (const [domain, count] of most.slice(0, rows)) lines.push(`  ${domain} (${counted(count, 'time')})`);
    if (most.length > rows) lines.push(`  and ${number(most.length - rows)} more`);
  }
  if (ownAbsolute > 0) {
    lines.push(
      `${counted(ownAbsolute, 'request')} in absolute-form for your own names: legal (RFC 9112 section 3.2.2), not counted.`,
    );
  }
  if (ownClients > 0)
    lines.push(
      `${counted(ownClients, 'request')} that a proxy passed on for clients of your own network: not counted.`,
    );
  return lines.join('\n');
}

function fileTable(files: ScanResult['files']): string {
  const width = Math.min(60, Math.max(4, ...files.map(({ file }) => shownName(file).length)));
  const lines = files.slice(0, 30).map(({ file: named, format, lines, broken, cut }) => {
    const file = shownName(named);
    const name = file.length > width ? `…${file.slice(1 - width)}` : file.padEnd(width);
    const bad = broken > 0 && format !== null ? `, ${number(broken)} broken` : '';
    return `  ${name}  ${number(lines).padStart(12)} ${lines === 1 ? 'line ' : 'lines'}  ${format ?? (lines === 0 ? 'empty' : 'no known format')}${bad}${cut > 0 ? `, ${cut} cut` : ''}`;
  });
  if (files.length > 30) lines.push(`  and ${files.length - 30} more`);
  const broken = files.flatMap((file) => file.brokenLines).slice(0, 3);
  for (const line of broken) lines.push(`  broken: ${cut(escapeText(line), 100)}`);
  return files.length === 0 ? '' : ['Logs', ...lines].join('\n');
}

function table(title: string, list: readonly [string, OutcomeCounts][]): string {
  const width = Math.max(12, ...list.slice(0, rows).map(([name]) => name.length));
  const head = `${title.padEnd(width + 2)}${'total'.padStart(9)}${outcomes.map((o) => o.padStart(15)).join('')}`;
  const lines = list
    .slice(0, rows)
    .map(
      ([name, counts]) =>
        `  ${name.padEnd(width)}${number(sum(counts)).padStart(9)}${outcomes.map((o) => (counts[o] === 0 ? '·' : number(counts[o])).padStart(15)).join('')}`,
    );
  if (list.length > rows) lines.push(`  and ${number(list.length - rows)} more`);
  return [head, ...lines].join('\n');
}

function bars(title: string, list: readonly (readonly [string, number])[]): string {
  const most = Math.max(1, ...list.map(([, n]) => n));
  const lines = list
    .filter(([, n]) => n > 0)
    .map(
      ([name, n]) =>
        `  ${name.padEnd(15)}${number(n).padStart(9)} ${'█'.repeat(Math.max(1, Math.round((n / most) * barWidth)))}`,
    );
  return [title, ...lines].join('\n');
}

const levels = ' ▁▂▃▄▅▆▇█';

function timeline({ tally }: ScanResult): string {
  const spans = tally.timeline(72);
  const first = spans[0];
  if (first === undefined) return '';
  const plot = (pick: (counts: OutcomeCounts) => number): string => {
    const values = spans.map(({ counts }) => pick(counts));
    const most = Math.max(1, ...values);
    return values.map((n) => levels[n === 0 ? 0 : Math.max(1, Math.ceil((n / most) * 8))]).join('');
  };
  const day = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');
  const end = spans.at(-1)!;
  const lines = [
    `By time, ${first.hours === 1 ? 'an hour' : `${number(first.hours)} hours`} a column, the highest ${number(Math.max(...spans.map(({ counts }) => sum(counts))))}`,
    `  all      ${plot(sum)}`,
  ];
  if (tally.outcomes['likely-relayed'] > 0)
    lines.push(`  relayed  ${plot((counts) => counts['likely-relayed'])}`);
  lines.push(`           ${day(first.start)} … ${day(end.start + end.hours * 3_600_000)} UTC`);
  return lines.join('\n');
}

function worst({ tally }: ScanResult): string {
  const list = tally.worst(rows);
  if (list.length === 0) return '';
  const lines = list.flatMap((finding) => [
    `  ${finding.outcome} (${finding.confidence})  ${shownName(finding.file)}:${finding.line}`,
    `    ${cut(finding.text, 160)}`,
    `    ${finding.why}`,
  ]);
  return ['Lines to look at', ...lines].join('\n');
}

function advice({ tally, files }: ScanResult): string {
  const list = adviceFor(tally, files);
  if (list.length === 0) return '';
  const lines = list.flatMap(({ when, steps }) => [
    `  ${when}`,
    ...steps.map(({ server, text }) => `    ${server}: ${text}`),
  ]);
  return ['What to change', ...lines].join('\n');
}

function rehearsalText({ clients, banned, blocked }: Rehearsal): string {
  const lines = clients
    .slice(0, 2 * rows)
    .map(
      ({ client, ordinary, blocked, flagged, bannedAt, likely }) =>
        `  ${client.padEnd(39)}${number(ordinary).padStart(9)}${number(blocked).padStart(9)}${number(flagged).padStart(9)}  ${bannedAt ?? '-'}${likely ? `  ${likely}` : ''}`,
    );
  return [
    `Rehearsal: ${counted(blocked, 'request')} would have been blocked, ${counted(banned, 'client')} banned; likely legitimate clients first`,
    `  ${'client'.padEnd(39)}${'ordinary'.padStart(9)}${'blocked'.padStart(9)}${'flagged'.padStart(9)}  banned from`,
    ...lines,
    ...(clients.length > 2 * rows ? [`  and ${number(clients.length - 2 * rows)} more`] : []),
  ].join('\n');
}

function faults({ faults }: ScanResult): string {
  if (faults.length === 0) return '';
  return ['Not read', ...faults.map(({ file, message }) => `  ${shownName(file)}: ${message}`)].join('\n');
}

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
const escapeText = (text: string): string => text.replace(/[^\x20-\x7e]/g, '·');
