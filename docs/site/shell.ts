/** The frame of every page: head, navigation, list of sections. No scripts, no external files. */
import { posix } from 'node:path';
import { escapeHtml, type Heading } from './render.ts';

export interface NavGroup {
  readonly title: string;
  readonly links: readonly { readonly title: string; readonly place: string }[];
}

export interface PageParts {
  /** Relative to the site's root. */
  readonly place: string;
  readonly language: 'en' | 'ja';
  readonly title: string;
  readonly html: string;
  readonly headings: readonly Heading[];
}

/** The relative link from one page to another. */
export function way(from: string, to: string): string {
  const [file = '', anchor] = to.split('#');
  const path = posix.relative(posix.dirname(from), file);
  if (anchor === undefined) return encodeURI(path);
  return `${file === from ? '' : encodeURI(path)}#${encodeURIComponent(anchor)}`;
}

export function shell(page: PageParts, navigation: readonly NavGroup[]): string {
  const { place, language, title, html, headings } = page;
  const to = (target: string): string => escapeHtml(way(place, target));
  const name = title.startsWith('Sekisho') ? title : `${title} · Sekisho`;
  const link = ({ title, place: target }: NavGroup['links'][number]): string =>
    `<li><a href="${to(target)}"${target === place ? ' aria-current="page"' : ''}>${escapeHtml(title)}</a></li>`;
  const groups = navigation
    .map((group) => `<h2>${escapeHtml(group.title)}</h2><ul>${group.links.map(link).join('')}</ul>`)
    .join('\n');
  const sections = headings.filter(({ level }) => level === 2);
  const contents =
    sections.length < 3
      ? ''
      : `<nav class="contents" aria-label="${language === 'ja' ? 'このページ' : 'On this page'}"><ul>${sections
          .map(({ id, html }) => `<li><a href="#${encodeURIComponent(id)}">${html}</a></li>`)
          .join('')}</ul></nav>`;
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(name)}</title>
<link rel="stylesheet" href="${to('style.css')}">
</head>
<body>
<a class="skip" href="#page">${language === 'ja' ? '本文へ' : 'To the text'}</a>
<header>
<a class="name" href="${to('index.html')}"><span class="seal" lang="ja">関所</span> Sekisho</a>
<nav aria-label="Language"><a class="to-pages" href="#pages">${language === 'ja' ? '目次' : 'Pages'}</a> <a href="${to('index.html')}" lang="en" hreflang="en">English</a> <a href="${to('README.ja.html')}" lang="ja" hreflang="ja">日本語</a></nav>
</header>
<div class="columns">
<main id="page">
${html}</main>
<nav class="pages" id="pages" lang="en" aria-label="Pages">
${groups}
</nav>
${contents}
</div>
</body>
</html>
`;
}
