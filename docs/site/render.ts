/** Markdown → the parts of a page of the site. Links are turned by whoever knows where everything goes. */
import { Marked, type Tokens } from 'marked';
import { anchor } from './anchor.ts';

export interface Heading {
  readonly level: number;
  readonly id: string;
  /** Markup of its words. */
  readonly html: string;
}

export interface Rendered {
  /** Words of the first heading. */
  readonly title: string;
  readonly html: string;
  readonly headings: readonly Heading[];
}

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** @param turn the target of a link or picture, as the page says it → as the site has it */
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
        // It can be scrolled, so it can be reached by keyboard.
        return `<pre tabindex="0"><code data-language="${escapeHtml(lang ?? '')}">${escapeHtml(text)}\n</code></pre>\n`;
      },
      table({ header, rows }: Tokens.Table): string {
        const cell = (name: string, { tokens }: Tokens.TableCell): string => {
          const html = this.parser.parseInline(tokens);
          // A column without a name has no header for whoever has the page read out, either.
          return html === '' ? '<td></td>' : `<${name}>${html}</${name}>`;
        };
        const line = (name: string, cells: readonly Tokens.TableCell[]): string =>
          `<tr>${cells.map((one) => cell(name, one)).join('')}</tr>\n`;
        const head = header.every(({ text }) => text === '') ? '' : `<thead>${line('th', header)}</thead>`;
        return `<div class="table" tabindex="0"><table>${head}<tbody>${rows.map((row) => line('td', row)).join('')}</tbody></table></div>\n`;
      },
      // Notes to whoever edits the page; no other markup is in the pages.
      html: () => '',
    },
  });
  const html = marked.parse(markdown, { async: false });
  return { title, html, headings };
}
