/** Markdown → the parts of a page of the site. The caller rewrites links. */
import { Marked, type Tokens } from 'marked';
import { anchor } from './anchor.ts';

export interface Heading {
  readonly level: number;
  readonly id: string;
  /** Its inline markup. */
  readonly html: string;
}

export interface Rendered {
  /** Text of the first heading. */
  readonly title: string;
  readonly html: string;
  readonly headings: readonly Heading[];
}

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** @param turn link or picture target in the page → target on the site */
export function render(markdown: string, turn: (href: string) => string): Rendered {
  const headings: Heading[] = [];
  const taken = new Map<string, number>();
  let title = '';
  const marked = new Marked({
    gfm: true,
    renderer: {
      heading({ depth, text, tokens }: Tokens.Heading): string {
        const name = anchor(text);
        const before = taken.get(name) ?? 0;
        taken.set(name, before + 1);
        const id = before === 0 ? name : `${name}-${before}`;
        const html = this.parser.parseInline(tokens);
        if (depth === 1 && title === '') title = text.replaceAll('`', '');
        headings.push({ level: depth, id, html: html.replace(/<\/?a\b[^>]*>/g, '') });
        return `<h${depth} id="${escapeHtml(id)}">${html}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link): string {
        return `<a href="${escapeHtml(turn(href))}">${this.parser.parseInline(tokens)}</a>`;
      },
      image({ href, text }: Tokens.Image): string {
        return `<img src="${escapeHtml(turn(href))}" alt="${escapeHtml(text)}" loading="lazy">`;
      },
      code({ text, lang }: Tokens.Code): string {
        // Scrollable, so it must be reachable by keyboard.
        return `<pre tabindex="0"><code data-language="${escapeHtml(lang ?? '')}">${escapeHtml(text)}\n</code></pre>\n`;
      },
      table({ header, rows }: Tokens.Table): string {
        const cell = (name: string, { tokens }: Tokens.TableCell): string => {
          const html = this.parser.parseInline(tokens);
          // A screen reader must not announce an empty header.
          return html === '' ? '<td></td>' : `<${name}>${html}</${name}>`;
        };
        const line = (name: string, cells: readonly Tokens.TableCell[]): string =>
          `<tr>${cells.map((one) => cell(name, one)).join('')}</tr>\n`;
        const head = header.every(({ text }) => text === '') ? '' : `<thead>${line('th', header)}</thead>`;
        return `<div class="table" tabindex="0"><table>${head}<tbody>${rows.map((row) => line('td', row)).join('')}</tbody></table></div>\n`;
      },
      // The pages have no HTML except comments for editors.
      html: () => '',
    },
  });
  const html = marked.parse(markdown, { async: false });
  return { title, html, headings };
}
