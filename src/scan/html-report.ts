/** The report as one self-contained HTML file in the style of the dashboard: no scripts, no external fonts or images. */
import { escapeHtml } from '../looks/html.ts';
import { logo } from '../looks/logo.ts';
import { looks } from '../looks/looks.ts';
import type { Language } from '../words/language.ts';
import { sayIn } from '../words/say.ts';
import { scanWords } from '../words/scan.ts';
import type { ScanWords } from '../words/scan-en.ts';
import { adviceFor } from './advice.ts';
import { type Outcome, outcomes } from './finding.ts';
import type { ScanResult } from './scan-logs.ts';
import { type OutcomeCounts, ranked, sum } from './tally.ts';
import { number, verdictSentence } from './verdict.ts';

/** The shared stylesheet plus a colour for each outcome. */
const style = `${looks}
.likely-relayed { --outcome: var(--seal); }
.attempted { --outcome: var(--ochre); }
.unclear { --outcome: var(--soft); }
.local { --outcome: var(--indigo); }
.refused { --outcome: var(--pine); }
rect { fill: var(--outcome); }
svg.plot { display: block; width: 100%; height: 170px; }
.ends { display: flex; justify-content: space-between; gap: 12px; color: var(--soft); font-size: 13px; }
svg.share { display: block; width: 100%; height: 8px; margin-top: 3px; }
.figure-value { color: var(--outcome); }
.figure.none .figure-value { color: var(--soft); }
.found { margin: 0; padding: 0; list-style: none; }
.found li { padding: 12px 0; border-top: 1px solid var(--line); }
.found li:first-child { border-top: 0; }
.found b { color: var(--outcome); }
.found pre { margin: 6px 0; padding: 8px 12px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 640px) { .rows td.zero { display: none; } }
@media print { body { background: none; } .card { break-inside: avoid; box-shadow: none; } }
`;

/** @param language of the reader */
export function htmlReport(result: ScanResult, language: Language = 'en'): string {
  const { tally, files } = result;
  const words = scanWords[language];
  const names = files
    .map(({ file }) => file)
    .join(', ')
    .slice(0, 100);
  return `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(words.titleOf(names))}</title><style>${style}</style></head><body>
<header class="top"><span class="brand">${logo}<span class="brand-name">Sekisho</span><span class="brand-host">${words.title}</span></span></header>
<main>
<h1 class="headline">${escapeHtml(verdictSentence(result, language))}</h1>
${assumed(result, words)}
${tally.total === 0 ? '' : figures(tally.outcomes, words)}
${timeline(result, words, language)}
${table(words.byTechnique, ranked(tally.techniques), words)}
${table(words.byIntent, ranked(tally.intents), words, words.intents)}
${table(words.bySource(tally.clients.size), ranked(tally.clients).slice(0, 25), words)}
${worst(result, words)}
${advice(result, words)}
${logs(result, words)}
</main></body></html>
`;
}

const card = (title: string, content: string): string =>
  content === '' ? '' : `<section class="card"><h2>${escapeHtml(title)}</h2>${content}</section>`;

function assumed({ hosts, learned, asked, ownAbsolute, ownClients }: ScanResult, { own }: ScanWords): string {
  const known =
    hosts.length > 0
      ? own.given(hosts.join(', '))
      : learned.length > 0
        ? `${own.assumed} ${learned.map(({ name, from }) => `${name} (${from})`).join('; ')}`
        : own.unknown;
  const lines = [
    known,
    ...(asked.size > 0 ? [`${own.yours} ${[...asked.keys()].slice(0, 10).join(', ')}`] : []),
    ...(ownAbsolute > 0 ? [own.absolute(ownAbsolute)] : []),
    ...(ownClients > 0 ? [own.clients(ownClients)] : []),
  ];
  return lines.map((line) => `<p class="lead">${escapeHtml(line)}</p>`).join('\n');
}

function figures(counts: OutcomeCounts, { outcomes: names, byOutcome }: ScanWords): string {
  const each = outcomes.map(
    (outcome) =>
      `<div class="figure ${outcome}${counts[outcome] === 0 ? ' none' : ''}"><span class="figure-value">${number(counts[outcome])}</span><span class="figure-name">${names[outcome]}</span></div>`,
  );
  return `<section class="figures" aria-label="${byOutcome}">${each.join('')}</section>`;
}

function timeline({ tally }: ScanResult, words: ScanWords, language: Language): string {
  const spans = tally.timeline(120);
  if (spans.length === 0) return '';
  const most = Math.max(1, ...spans.map(({ counts }) => sum(counts)));
  const width = 1000 / spans.length;
  const columns = spans
    .map(({ counts, start }, i) => {
      let y = 160;
      const parts = [...outcomes].reverse().map((outcome) => {
        const height = (counts[outcome] / most) * 150;
        y -= height;
        return height === 0 ? '' : rect(i * width, y, width * 0.9, height, outcome);
      });
      return `<g><title>${new Date(start).toISOString().slice(0, 16)}: ${number(sum(counts))}</title>${parts.join('')}</g>`;
    })
    .join('');
  const last = spans.at(-1)!;
  const day = (at: number): string => sayIn(language).zoned(new Date(at));
  return card(
    words.byTime,
    `<svg class="plot" viewBox="0 0 1000 160" preserveAspectRatio="none" role="img" aria-label="${words.overTime}">${columns}
</svg>
<p class="ends"><span>${day(spans[0]!.start)}</span><span>${words.highest(most)}</span><span>${day(last.start + last.hours * 3_600_000)}</span></p>
<ul class="legend">${outcomes.map((o) => `<li class="${o}"><i style="background:var(--outcome)"></i>${words.outcomes[o]}</li>`).join('')}</ul>`,
  );
}

const rect = (x: number, y: number, width: number, height: number, outcome: Outcome): string =>
  `<rect class="${outcome}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"/>`;

/** @param said labels to show before names, by name */
function table(
  title: string,
  list: readonly [string, OutcomeCounts][],
  words: ScanWords,
  said: Readonly<Record<string, string>> = {},
): string {
  if (list.length === 0) return '';
  const { total, outcomeNames } = words;
  const most = Math.max(1, ...list.map(([, counts]) => sum(counts)));
  const rows = list.map(([name, counts]) => {
    let x = 0;
    const parts = outcomes.map((outcome) => {
      const width = (counts[outcome] / most) * 400;
      x += width;
      return width === 0 ? '' : rect(x - width, 0, width, 8, outcome);
    });
    const cells = outcomes.map((outcome) => cell(outcomeNames[outcome], counts[outcome]));
    return `<tr><th scope="row" class="wide">${said[name] === undefined ? escapeHtml(name) : `${said[name]} <small>${escapeHtml(name)}</small>`}<svg class="share" viewBox="0 0 400 8" preserveAspectRatio="none" aria-hidden="true">${parts.join('')}</svg></th>${cell(total, sum(counts))}${cells.join('')}</tr>`;
  });
  const heads = [total, ...outcomes.map((o) => outcomeNames[o])];
  return card(
    title,
    `<table class="rows"><thead><tr><th scope="col"><span class="hidden">${escapeHtml(title)}</span></th>${heads.map(head).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`,
  );
}

const head = (name: string): string => `<th scope="col" class="number">${name}</th>`;
const cell = (name: string, value: number): string =>
  `<td class="number${value === 0 ? ' zero' : ''}" data-label="${name}">${value === 0 ? '·' : number(value)}</td>`;

function worst({ tally }: ScanResult, words: ScanWords): string {
  const items = tally
    .worst(20)
    .map(
      (f) =>
        `<li class="${f.outcome}"><b>${words.outcomeNames[f.outcome]}</b> <small>${words.confidences[f.confidence]}, ${escapeHtml(f.file)}:${f.line}</small><pre class="bytes">${escapeHtml(f.text)}</pre>${escapeHtml(f.why)}</li>`,
    );
  return items.length === 0 ? '' : card(words.lines, `<ul class="found">${items.join('\n')}</ul>`);
}

function advice({ tally, files }: ScanResult, { change, problems }: ScanWords): string {
  const items = adviceFor(tally, files).map(({ when, steps }) => {
    const lines = steps.map(({ server, text }) => `${escapeHtml(server)}: <code>${escapeHtml(text)}</code>`);
    return `<dt>${problems[when]}</dt><dd>${lines.join('<br>')}</dd>`;
  });
  return items.length === 0 ? '' : card(change, `<dl class="facts">${items.join('')}</dl>`);
}

function logs({ files, faults }: ScanResult, { logs: words, notRead }: ScanWords): string {
  const rows = files.map(
    ({ file, format, lines, requests, broken }) =>
      `<tr><th scope="row" class="wide">${escapeHtml(file)}</th><td data-label="${words.format}">${escapeHtml(format ?? words.unknown)}</td>${cell(words.lines, lines)}${cell(words.requests, requests)}${cell(words.broken, broken)}</tr>`,
  );
  const read = `<table class="rows"><thead><tr><th scope="col">${words.file}</th><th scope="col">${words.format}</th>${[words.lines, words.requests, words.broken].map(head).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
  const unread = faults.map(({ file, message }) => `<li>${escapeHtml(file)}: ${escapeHtml(message)}</li>`);
  return card(words.title, read) + (unread.length === 0 ? '' : card(notRead, `<ul>${unread.join('')}</ul>`));
}
