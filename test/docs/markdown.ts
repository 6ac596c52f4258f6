/** The project's pages, parsed. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { anchor } from '../../docs/site/anchor.ts';

export const root = join(import.meta.dirname, '../..');

export interface CodeBlock {
  readonly language: string;
  /** Without the indentation of a surrounding list. */
  readonly text: string;
  /** Line of its beginning, from 1. */
  readonly line: number;
}

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly CodeBlock[];
  /** Targets of links, in order. */
  readonly links: readonly string[];
  /** The anchors of its headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
  /** Every `inline code`. */
  readonly code: readonly string[];
}

/** Every page: in the top folder, under docs/ and under examples/. */
export const pages: readonly Page[] = globSync(['*.md', 'docs/**/*.md', 'examples/*.md'], { cwd: root })
  .sort()
  .map(readPage);

function readPage(path: string): Page {
  const text = readFileSync(join(root, path), 'utf8');
  const blocks: CodeBlock[] = [];
  const prose: string[] = [];
  let open: { fence: string; indent: string; language: string; lines: string[]; line: number } | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent, fence, language] = /^( *)(`{3,})([\w-]*)\s*$/.exec(line) ?? [];
    if (open === null && fence !== undefined) {
      open = { fence, indent: indent!, language: language!, lines: [], line: index + 1 };
    } else if (open === null) {
      prose.push(line);
    } else if (fence === open.fence) {
      blocks.push({ language: open.language, text: `${open.lines.join('\n')}\n`, line: open.line });
      open = null;
    } else {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart());
    }
  }
  if (open !== null) throw new Error(`${path}:${open.line}: a code block is not closed`);
  const words = prose.join('\n');
  const links = [...words.replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, target]) => target!,
  );
  return {
    path,
    text,
    blocks,
    links,
    anchors: new Set([...words.matchAll(/^#{1,6} (.+)$/gm)].map(([, title]) => anchor(title!))),
    code: [...words.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!),
  };
}
