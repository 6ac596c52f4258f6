/** The report as one HTML file that needs nothing else: no script, no font, no image from elsewhere. */
import { adviceFor } from './advice.ts';
import { type Outcome, outcomes } from './finding.ts';
import type { ScanResult } from './scan-logs.ts';
import { type OutcomeCounts, ranked, sum } from './tally.ts';
import { counted, number, verdictSentence } from './verdict.ts';

const colours: Record<Outcome, string> = {
  'likely-relayed': '#c2182b',
  attempted: '#e07b00',
  unclear: '#8a8f98',
  local: '#2f7fc1',
  refused: '#2e8b57',
};

const style = `
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}.verdict{font-size:1.15rem;border-left:.4rem solid;padding:.5rem 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:.2rem .6rem;border-bottom:1px solid #8884}
th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}code,pre{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap}
svg{width:100%;height:auto}.key span{display:inline-block;margin-right:1.2rem}.key i{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem}
`;

export function htmlReport(result: ScanResult): string {
  const { tally, files } = result;
  const colour = colours[outcomes.find((outcome) => tally.outcomes[outcome] > 0) ?? 'refused'];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Relay probes in ${escaped(
    files
      .map(({ file }) => file)
      .join(', ')
      .slice(0, 100),
  )}</title><style>${style}</style></head><body>
<h1>Relay probes in past logs</h1>
<p class="verdict" style="border-color:${colour}">${escaped(verdictSentence(result))}</p>
${assumed(result)}
<p class="key">${outcomes.map((o) => `<span><i style="background:${colours[o]}"></i>${o}</span>`).join('')}</p>
${timeline(result)}
${bars('By technique', ranked(tally.techniques))}
${bars('By intent', ranked(tally.intents))}
${bars(`By source (${number(tally.clients.size)})`, ranked(tally.clients).slice(0, 25))}
${worst(result)}
${advice(result)}
<h2>Logs</h2><table><tr><th>file</th><th>format</th><th>lines</th><th>requests</th><th>broken</th></tr>
${files.map((f) => `<tr><td>${escaped(f.file)}</td><td>${escaped(f.format ?? 'no known format')}</td><td>${number(f.lines)}</td><td>${number(f.requests)}</td><td>${number(f.broken)}</td></tr>`).join('\n')}
</table>
${result.faults.length === 0 ? '' : `<h2>Not read</h2><ul>${result.faults.map((f) => `<li>${escaped(f.file)}: ${escaped(f.message)}</li>`).join('')}</ul>`}
</body></html>
`;
}

function assumed({ hosts, learned, asked, ownAbsolute }: ScanResult): string {
  const own =
    hosts.length > 0
      ? `Own names, as told: ${hosts.join(', ')}.`
      : learned.length > 0
        ? `Assumed to be own names: ${learned.map(({ name, from }) => `${name} (${from})`).join('; ')}.`
        : 'Own names could not be learned: every name is taken for foreign.';
  const absolute =
    ownAbsolute > 0 ? ` Not counted: ${counted(ownAbsolute, 'request')} in absolute-form for own names.` : '';
  const yours =
    asked.size > 0
      ? ` Are these yours? ${[...asked.keys()].slice(0, 10).join(', ')}: --host NAME says yes.`
      : '';
  return `<p>${escaped(own + absolute + yours)}</p>`;
}

function timeline({ tally }: ScanResult): string {
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
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  return `<h2>By time</h2><svg viewBox="0 0 1000 185" role="img" aria-label="probes over time">${columns}
<text x="0" y="180" font-size="13" fill="currentColor">${day(spans[0]!.start)}</text>
<text x="1000" y="180" font-size="13" text-anchor="end" fill="currentColor">${day(spans.at(-1)!.start)}</text>
<text x="1000" y="12" font-size="13" text-anchor="end" fill="currentColor">highest column: ${number(most)}</text></svg>`;
}

const rect = (x: number, y: number, width: number, height: number, outcome: Outcome): string =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${colours[outcome]}"/>`;

function bars(title: string, list: readonly [string, OutcomeCounts][]): string {
  if (list.length === 0) return '';
  const most = Math.max(1, ...list.map(([, counts]) => sum(counts)));
  const rows = list.map(([name, counts]) => {
    let x = 0;
    const parts = outcomes.map((outcome) => {
      const width = (counts[outcome] / most) * 400;
      x += width;
      return width === 0 ? '' : rect(x - width, 2, width, 12, outcome);
    });
    const cells = outcomes
      .map((outcome) => `<td>${counts[outcome] === 0 ? '·' : number(counts[outcome])}</td>`)
      .join('');
    return `<tr><td>${escaped(name)}<svg viewBox="0 0 400 16" preserveAspectRatio="none" style="height:.9rem">${parts.join('')}</svg></td><td>${number(sum(counts))}</td>${cells}</tr>`;
  });
  return `<h2>${escaped(title)}</h2><table><tr><th></th><th>total</th>${outcomes.map((o) => `<th>${o}</th>`).join('')}</tr>${rows.join('\n')}</table>`;
}

function worst({ tally }: ScanResult): string {
  const list = tally.worst(20);
  if (list.length === 0) return '';
  const items = list.map(
    (f) =>
      `<li><b style="color:${colours[f.outcome]}">${f.outcome}</b> (${f.confidence}), ${escaped(f.file)}:${f.line}<pre>${escaped(f.text)}</pre>${escaped(f.why)}</li>`,
  );
  return `<h2>Lines to look at</h2><ul>${items.join('\n')}</ul>`;
}

function advice({ tally, files }: ScanResult): string {
  const list = adviceFor(tally, files);
  if (list.length === 0) return '';
  const items = list.map(({ when, steps }) => {
    const lines = steps.map(({ server, text }) => `${escaped(server)}: <code>${escaped(text)}</code>`);
    return `<dt>${escaped(when)}</dt><dd>${lines.join('<br>')}</dd>`;
  });
  return `<h2>What to change</h2><dl>${items.join('')}</dl>`;
}

const escaped = (text: string): string =>
  text.replace(
    /[&<>"']/g,
    (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[char]!,
  );
