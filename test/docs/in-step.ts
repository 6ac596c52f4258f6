/** Compares a page with its translation, as far as that is possible without knowing the language. */
import { marked, type Token, type Tokens } from 'marked';
import { anchor } from '../../docs/site/anchor.ts';

interface Section {
  readonly title: string;
  /** One line for each block: its kind, and what both languages share. */
  readonly shape: readonly string[];
  readonly links: readonly string[];
  readonly code: readonly string[];
  /** Numbers in digits, outside code and link targets. */
  readonly numbers: ReadonlySet<string>;
}

/** The differences, one line each; empty while they are in step. */
export function driftOf(original: string, translation: string): string[] {
  const [from, to] = [sectionsOf(original), sectionsOf(translation)];
  if (from.length !== to.length) return [`${from.length} sections, and ${to.length} in the translation`];
  return from.flatMap((section, index) => {
    const other = to[index]!;
    const where = `"${section.title}" and "${other.title}"`;
    return [
      ...difference(`${where}: block`, section.shape, other.shape),
      ...difference(`${where}: link`, section.links, other.links),
      ...difference(`${where}: code`, section.code, other.code),
      ...[...section.numbers]
        .filter((number) => !other.numbers.has(number))
        .map((number) => `${where}: the translation lacks the number ${number}`),
    ];
  });
}

function difference(what: string, from: readonly string[], to: readonly string[]): string[] {
  const at = from.findIndex((one, index) => one !== to[index]);
  if (at !== -1) return [`${what} ${at + 1}: ${from[at]} | ${to[at] ?? 'missing'}`];
  return to.length > from.length ? [`${what} ${from.length + 1}: missing | ${to[from.length]}`] : [];
}

function sectionsOf(text: string): Section[] {
  const tokens = marked.lexer(text);
  const headings = tokens.filter((token): token is Tokens.Heading => token.type === 'heading');
  const anchors = headings.map(({ text }) => `#${anchor(text)}`);
  return headings.map((heading, index) => {
    const next = headings[index + 1];
    const begin = tokens.indexOf(heading);
    const inside = tokens.slice(begin, next === undefined ? undefined : tokens.indexOf(next));
    const links: string[] = [];
    const code: string[] = [];
    const numbers = new Set<string>();
    marked.walkTokens(inside, (token) => {
      if (token.type === 'link' || token.type === 'image') {
        // A translation links to translations, and shows pictures in its language.
        const href = (token as Tokens.Link).href.replace(/\.ja(?=\.(?:md|png)(?:#|$))/, '');
        // Anchors are translated with the headings, so compare the number of the heading.
        const own = anchors.indexOf(decodeURI(href));
        links.push(`${token.type} to ${own === -1 ? href : `heading ${own + 1}`}`);
      } else if (token.type === 'codespan') code.push((token as Tokens.Codespan).text);
      else if (token.type === 'text' && !('tokens' in token))
        for (const [number] of token.raw.matchAll(/\d[\d,.:]*(?<![,.:])/g)) numbers.add(number);
    });
    return {
      title: heading.text,
      shape: inside.flatMap(shapeOf),
      // Another language has another order in a sentence.
      links: links.sort(),
      code: code.sort(),
      numbers,
    };
  });
}

function shapeOf(token: Token): string[] {
  switch (token.type) {
    case 'heading':
      return [`heading of level ${(token as Tokens.Heading).depth}`];
    case 'code':
      return [`${(token as Tokens.Code).lang}\n${(token as Tokens.Code).text}`];
    case 'list': {
      const { ordered, items } = token as Tokens.List;
      return [
        `${ordered ? 'numbered list' : 'list'} of ${items.length}`,
        ...items.flatMap((item) => ['entry', ...item.tokens.flatMap(shapeOf)]),
      ];
    }
    case 'table': {
      const { header, rows } = token as Tokens.Table;
      return [`table of ${header.length} columns and ${rows.length} rows`];
    }
    case 'space':
      return [];
    case 'html':
      return [(token as Tokens.HTML).text.trim()];
    default:
      return [token.type];
  }
}
