/** Terminal transcripts in a page: commands after `$ `, each with its output. */
import assert from 'node:assert/strict';
import type { CodeBlock } from './markdown.ts';

export interface Step {
  readonly command: string;
  readonly output: string;
}

export function steps({ text }: CodeBlock): Step[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1) };
    });
}

/** Without the parts that differ between runs. */
const settled = (text: string): string =>
  text
    .replaceAll('\r\n', '\n')
    .replace(/^Date: .*$/gm, 'Date: (now)')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '(a time)         ')
    .replace(/\[\d\d\/\w{3}\/\d{4}:[\d:]{8} [+-]\d{4}\]/g, '[(a time)]')
    .replace(/^\d\d:\d\d:\d\d {2}/gm, '(now)  ')
    .trimEnd();

/** Compares output. `…` in the shown text stands for anything; on its own line, for any lines. */
export function assertOutput(actual: string, shown: string): void {
  const [is, says] = [settled(actual), settled(shown)];
  if (!says.includes('…')) {
    assert.equal(is, says);
    return;
  }
  const parts = says.split('…').map((one) => one.trim());
  assert.ok(is.startsWith(parts[0]!), `${parts[0]}\nis not what begins\n${is}`);
  let rest = is;
  for (const part of parts) {
    const at = rest.indexOf(part);
    assert.notEqual(at, -1, `${part}\nis not in\n${is}`);
    rest = rest.slice(at + part.length);
  }
  if (parts.at(-1) !== '') assert.equal(rest, '', `${parts.at(-1)}\nis not what ends\n${is}`);
}
