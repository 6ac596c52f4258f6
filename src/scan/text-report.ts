/** The report for a terminal. */

import { padLeft, padRight } from '../words/columns.ts';
import type { Language } from '../words/language.ts';
import { scanWords } from '../words/scan.ts';
import type { ScanWords } from '../words/scan-en.ts';
import { adviceFor } from './advice.ts';
import { outcomes } from './finding.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { ScanResult } from './scan-logs.ts';
import { shownName } from './shown-name.ts';
import { type OutcomeCounts, ranked, sum } from './tally.ts';
import { number, verdictSentence } from './verdict.ts';

const barWidth = 40;
const rows = 10;

/** @param language of the reader */
export function textReport(result: ScanResult, language: Language = 'en'): string {
  const { tally, files } = result;
  const words = scanWords[language];
  const parts = [verdictSentence(result, language), assumptions(result, words), fileTable(files, words)];
  if (tally.total > 0) {
    parts.push(
      table(words.byTechnique, ranked(tally.techniques), words),
      bars(
        words.byOutcome,
        outcomes.map((outcome) => [words.outcomeNames[outcome], tally.outcomes[outcome]]),
      ),
      table(words.byIntent, ranked(tally.intents), words),
      table(words.bySource(tally.clients.size), ranked(tally.clients), words),
      timeline(result, words),
      worst(result, words),
      advice(result, words),
    );
  }
  if (result.rehearsal !== null) parts.push(rehearsalText(result.rehearsal, words));
  parts.push(faults(result, words));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function assumptions(
  { learned, hosts, asked, ownAbsolute, ownClients }: ScanResult,
  { own }: ScanWords,
): string {
  const lines: string[] = [];
  if (hosts.length > 0) lines.push(own.given(hosts.join(', ')));
  else if (learned.length > 0) {
    lines.push(own.assumed);
    for (const { name, from } of learned.slice(0, rows)) lines.push(`  ${name}: ${from}`);
    if (learned.length > rows) lines.push(`  ${own.more(learned.length - rows)}`);
  } else lines.push(own.unknown);
  if (asked.size > 0) {
    lines.push(own.yours);
    const most = [...asked].sort(([, a], [, b]) => b - a);
    for (const [domain, count] of most.slice(0, rows)) lines.push(`  ${domain} (${own.times(count)})`);
    if (most.length > rows) lines.push(`  ${own.more(most.length - rows)}`);
  }
  if (ownAbsolute > 0) lines.push(own.absolute(ownAbsolute));
  if (ownClients > 0) lines.push(own.clients(ownClients));
  return lines.join('\n');
}

function fileTable(files: ScanResult['files'], { logs, own }: ScanWords): string {
  const width = Math.min(60, Math.max(4, ...files.map(({ file }) => shownName(file).length)));
  const lines = files.slice(0, 30).map(({ file: named, format, lines, broken, cut }) => {
    const file = shownName(named);
    const name = file.length > width ? `…${file.slice(1 - width)}` : file.padEnd(width);
    const bad = broken > 0 && format !== null ? logs.brokenLines(broken) : '';
    return `  ${name}  ${number(lines).padStart(12)} ${logs.linesOf(lines)}  ${format ?? (lines === 0 ? logs.empty : logs.unknown)}${bad}${cut > 0 ? logs.cut(cut) : ''}`;
  });
  if (files.length > 30) lines.push(`  ${own.more(files.length - 30)}`);
  const broken = files.flatMap((file) => file.brokenLines).slice(0, 3);
  for (const line of broken) lines.push(`  ${logs.brokenLine(cut(escapeText(line), 100))}`);
  return files.length === 0 ? '' : [logs.title, ...lines].join('\n');
}

function table(
  title: string,
  list: readonly [string, OutcomeCounts][],
  { total, outcomeNames, own }: ScanWords,
): string {
  const width = Math.max(12, ...list.slice(0, rows).map(([name]) => name.length));
  const head = `${padRight(title, width + 2)}${padLeft(total, 9)}${outcomes.map((o) => padLeft(outcomeNames[o], 15)).join('')}`;
  const lines = list
    .slice(0, rows)
    .map(
      ([name, counts]) =>
        `  ${name.padEnd(width)}${number(sum(counts)).padStart(9)}${outcomes.map((o) => (counts[o] === 0 ? '·' : number(counts[o])).padStart(15)).join('')}`,
    );
  if (list.length > rows) lines.push(`  ${own.more(list.length - rows)}`);
  return [head, ...lines].join('\n');
}

function bars(title: string, list: readonly (readonly [string, number])[]): string {
  const most = Math.max(1, ...list.map(([, n]) => n));
  const lines = list
    .filter(([, n]) => n > 0)
    .map(
      ([name, n]) =>
        `  ${padRight(name, 15)}${number(n).padStart(9)} ${'█'.repeat(Math.max(1, Math.round((n / most) * barWidth)))}`,
    );
  return [title, ...lines].join('\n');
}

const levels = ' ▁▂▃▄▅▆▇█';

function timeline({ tally }: ScanResult, words: ScanWords): string {
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
    words.columns(first.hours, Math.max(...spans.map(({ counts }) => sum(counts)))),
    `  ${padRight(words.all, 9)}${plot(sum)}`,
  ];
  if (tally.outcomes['likely-relayed'] > 0)
    lines.push(`  ${padRight(words.relayed, 9)}${plot((counts) => counts['likely-relayed'])}`);
  lines.push(`           ${day(first.start)} … ${day(end.start + end.hours * 3_600_000)} UTC`);
  return lines.join('\n');
}

function worst({ tally }: ScanResult, { lines: title, outcomeNames, confidences }: ScanWords): string {
  const list = tally.worst(rows);
  if (list.length === 0) return '';
  const lines = list.flatMap((finding) => [
    `  ${outcomeNames[finding.outcome]} (${confidences[finding.confidence]})  ${shownName(finding.file)}:${finding.line}`,
    `    ${cut(finding.text, 160)}`,
    `    ${finding.why}`,
  ]);
  return [title, ...lines].join('\n');
}

function advice({ tally, files }: ScanResult, { change, problems }: ScanWords): string {
  const list = adviceFor(tally, files);
  if (list.length === 0) return '';
  const lines = list.flatMap(({ when, steps }) => [
    `  ${problems[when]}`,
    ...steps.map(({ server, text }) => `    ${server}: ${text}`),
  ]);
  return [change, ...lines].join('\n');
}

function rehearsalText(
  { clients, banned, blocked }: Rehearsal,
  { rehearsal, rehearsalColumns, own }: ScanWords,
): string {
  const [client = '', ordinary = '', refused = '', flagged = '', from = ''] = rehearsalColumns;
  const lines = clients
    .slice(0, 2 * rows)
    .map(
      ({ client, ordinary, blocked, flagged, bannedAt, likely }) =>
        `  ${client.padEnd(39)}${number(ordinary).padStart(9)}${number(blocked).padStart(9)}${number(flagged).padStart(9)}  ${bannedAt ?? '-'}${likely ? `  ${likely}` : ''}`,
    );
  return [
    rehearsal(blocked, banned),
    `  ${padRight(client, 39)}${padLeft(ordinary, 9)}${padLeft(refused, 9)}${padLeft(flagged, 9)}  ${from}`,
    ...lines,
    ...(clients.length > 2 * rows ? [`  ${own.more(clients.length - 2 * rows)}`] : []),
  ].join('\n');
}

function faults({ faults }: ScanResult, { notRead }: ScanWords): string {
  if (faults.length === 0) return '';
  return [notRead, ...faults.map(({ file, message }) => `  ${shownName(file)}: ${message}`)].join('\n');
}

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;
const escapeText = (text: string): string => text.replace(/[^\x20-\x7e]/g, '·');
