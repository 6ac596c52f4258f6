/** The report to an abuse contact as a page that looks like the dashboard, to print or attach. It loads nothing. */
import { createHash } from 'node:crypto';
import type { JournalEvent } from '../events/journal-query.ts';
import { type Origin, originText } from '../geo/origin.ts';
import { escapeHtml } from '../looks/html.ts';
import { logo } from '../looks/logo.ts';
import { looks } from '../looks/looks.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';
import { accusation, listed, samples } from './abuse-report.ts';
import {
  activityOf,
  activityWords,
  answerWords,
  type Reporter,
  summaryOf,
  utc,
  withPort,
} from './journal-evidence.ts';

const style = `${looks}
.bytes { margin-bottom: 14px; }
.rows td { overflow-wrap: anywhere; }
@media (min-width: 641px) { .rows .when { white-space: nowrap; } }
/* A port broken over two lines would be misread. */
@media (min-width: 1000px) { .rows .end { white-space: nowrap; } }
@media print { body { background: none; } .card { break-inside: avoid; box-shadow: none; } }
`;

const digest = createHash('sha256').update(style).digest('base64');

/** The page's content security policy: sent as a header, and put in the page for saved copies. */
export const reportPolicy = `default-src 'none'; style-src 'sha256-${digest}'`;

/** Takes the parameters of `abuseReport`. */
export function abuseReportPage(
  source: string,
  events: readonly JournalEvent[],
  { org, contact }: Reporter,
  origin: Origin,
): string {
  const { total, first, last, rules } = summaryOf(events);
  const activity = activityOf(rules);
  const lines = accusation(source, events);
  const from = originText(origin);
  const facts: [string, string][] = [
    ['Source', source],
    ...(from === '' ? [] : ([['Network', from]] as [string, string][])),
    ['Attempts', String(total)],
    ['First', utc(first)],
    ['Last', utc(last)],
    ['Reported by', contact === '' ? org : `${org}, ${contact}`],
  ];
  const text = escapeHtml;
  const tried = rules.map((rule) => {
    const { title, reference } = catalogue[rule] as Rule;
    return `<li>${text(title)} <small>${text(reference)}</small></li>`;
  });
  const pieces = events
    .slice(-samples)
    .map(
      ({ first, bytes }) =>
        `<p class="lead">${utc(first)}</p><pre class="bytes">${text(broken(bytes))}</pre>`,
    );
  const title = `Abuse report: ${activityWords[activity]} from ${source}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${reportPolicy}">
<title>${text(title)}</title><style>${style}</style></head><body>
<header class="top"><span class="brand">${logo}<span class="brand-name">Sekisho</span><span class="brand-host">${text(org)}</span></span></header>
<main>
<h1 class="headline">${text(title)}</h1>
<section class="card"><p>${text(lines.join(' '))} Every attempt was refused.</p>
<dl class="facts">${facts.map(([name, value]) => `<dt>${name}</dt><dd>${text(value)}</dd>`).join('')}</dl></section>
<section class="card"><h2>What was tried</h2><ul>${tried.join('')}</ul></section>
<section class="card"><h2>Log</h2>
<table class="rows"><thead><tr>${columns.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead>
<tbody>${events.slice(-listed).map(row).join('\n')}</tbody></table>
${events.length > listed ? `<p class="lead">The latest ${listed} of ${events.length} lines.</p>` : ''}</section>
<section class="card"><h2>Samples of the bytes received</h2>
<p class="lead">What is not printable is escaped, credentials are redacted. All times are in UTC, by the clock of our server.</p>
${pieces.join('\n')}</section>
</main></body></html>
`;
}

const columns = ['Time', 'Source', 'Our address', 'Asked for', 'Answer'];

const classes = [' class="when"', ' class="end"', ' class="end"'];

/** The time of a connection and both ends with their ports (RFC 6302). */
function row(event: JournalEvent): string {
  const { first, client, clientPort, localAddress, localPort, listener, request } = event;
  const cells = [
    utc(first),
    withPort(client, clientPort),
    localAddress == null ? listener : withPort(localAddress, localPort),
    request.slice(0, 200),
    answerWords(event),
  ];
  return `<tr>${cells.map((cell, index) => `<td data-label="${columns[index]}"${classes[index] ?? ''}>${escapeHtml(cell)}</td>`).join('')}</tr>`;
}

/** Breaks the line after each escaped line ending, which stays visible. */
const broken = (bytes: string): string => bytes.slice(0, 1500).replace(/\\r\\n|\\n/g, (end) => `${end}\n`);
