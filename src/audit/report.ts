/** The report for people: the verdict, a table, then the fixes. */
import { stripVTControlCharacters, styleText } from 'node:util';
import { padRight, columns as widthOf } from '../words/columns.ts';
import { commandWords } from '../words/commands.ts';
import type { CommandWords } from '../words/commands-en.ts';
import type { Language } from '../words/language.ts';
import type { Finding, Result } from './finding.ts';
import { exitCode, exitCodes, limits, type Remarks, verdictLine } from './verdict.ts';

/** Worst first. */
const order: readonly Result[] = ['relays', 'unclear', 'answers-itself', 'refuses'];

/** The whole report. */
export function report(
  target: string,
  findings: readonly Finding[],
  remarks: Remarks,
  {
    color = false,
    width = 100,
    language = 'en',
  }: { color?: boolean; width?: number; language?: Language } = {},
): string {
  const { audit: words } = commandWords[language];
  const placeOf = (finding: Finding): string => placeText(finding, words);
  const paint = (format: 'red' | 'yellow' | 'green' | 'bold', text: string): string =>
    color ? styleText(format, text, { validateStream: false }) : text;
  const code = exitCode(findings, remarks);
  const lines = [
    paint(
      code === exitCodes.relays ? 'red' : code === exitCodes.inconclusive ? 'yellow' : 'bold',
      printable(verdictLine(target, findings, remarks, language)),
    ),
    ...limits(findings, remarks, language).map((text) => wrap('', text, width)),
  ];
  for (const port of [...new Set(findings.map(placeOf))]) {
    const rows = fold(
      findings.filter((finding) => placeOf(finding) === port),
      words,
    );
    const column = Math.max(...rows.map(({ technique }) => widthOf(technique)));
    lines.push('', paint('bold', port));
    for (const { result, technique, why } of rows) {
      const label = padRight(words.results[result], 15);
      const colored =
        result === 'relays' ? paint('red', label) : result === 'unclear' ? paint('yellow', label) : label;
      const start = `  ${colored}${padRight(technique, column)}  `;
      lines.push(wrap(start, why, width));
    }
  }
  const fixes = distinctFixes(findings);
  if (fixes.length > 0) {
    lines.push('', paint('bold', words.fix));
    for (const [index, fix] of fixes.entries()) lines.push(wrap(`  ${index + 1}. `, fix, width));
  }
  return `${lines.join('\n')}\n`;
}

/** The target, and the address if the target is a name. */
const placeText = ({ target, address }: Finding, { at }: CommandWords['audit']): string =>
  target.startsWith(address) || target.startsWith(`[${address}]`) ? target : at(target, address);

/** Each piece of advice once. A fix reads `SOFTWARE: one; another`. */
function distinctFixes(findings: readonly Finding[]): string[] {
  const bySoftware = new Map<string, Set<string>>();
  for (const { fix } of findings) {
    if (fix === null) continue;
    const name = /^[\w]{1,12}: /.exec(fix)?.[0] ?? '';
    const advice = bySoftware.get(name) ?? new Set();
    bySoftware.set(name, advice);
    for (const piece of fix.slice(name.length).split('; ')) advice.add(piece);
  }
  return [...bySoftware].flatMap(([name, advice]) => [...advice].map((piece) => name + piece));
}

interface Row {
  readonly result: Result;
  readonly technique: string;
  readonly why: string;
}

/** Spellings of one rule with the same outcome share a row. */
function fold(findings: readonly Finding[], { spellings }: CommandWords['audit']): Row[] {
  const rows = new Map<string, { first: Finding; count: number }>();
  for (const finding of findings) {
    const { result, rule, why } = finding;
    const key = `${result} ${rule} ${why}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { first: finding, count: 1 });
    else row.count += 1;
  }
  return [...rows.values()]
    .map(({ first, count }) => ({
      result: first.result,
      technique: count === 1 ? first.technique : spellings(first.rule, count),
      why: first.why,
    }))
    .sort((a, b) => order.indexOf(a.result) - order.indexOf(b.result));
}

/** Wraps with a hanging indent. The text quotes the server, so control characters are shown, never sent to the terminal. */
function wrap(start: string, text: string, width: number): string {
  const indent = widthOf(stripVTControlCharacters(start));
  const room = Math.max(width - indent, 30);
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return start + lines.join(`\n${' '.repeat(indent)}`);
}

const printable = (text: string): string =>
  text.replace(/[\0-\x1f\x7f-\x9f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
