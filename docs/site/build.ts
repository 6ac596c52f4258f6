/** `npm run site`: the pages of the repository as a site in dist-site/, without a server, a script or external files. */
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { marked, type Token, type Tokens } from 'marked';
import { folderPlace, pagePaths, placeOf, root, targetOf } from './places.ts';
import { escapeHtml, type Rendered, render } from './render.ts';
import { type NavGroup, type PageParts, shell, way } from './shell.ts';

/** @returns the files written, relative to the folder */
export function buildSite(out: string): string[] {
  rmSync(out, { recursive: true, force: true });
  const written: string[] = [];
  const navigation = readNavigation();
  const folders = new Map<string, boolean>();
  const pictures = new Set<string>();

  const put = (place: string, content: string): void => {
    mkdirSync(dirname(join(out, place)), { recursive: true });
    writeFileSync(join(out, place), content);
    written.push(place);
  };
  const turn = (page: string, place: string) => (href: string) => {
    const target = targetOf(page, href);
    if (target === null) return href;
    if (target.folder !== null) {
      const { path, deep } = target.folder;
      folders.set(path, deep || (folders.get(path) ?? false));
    }
    if (target.picture !== null) pictures.add(target.picture);
    return way(place, target.place);
  };
  const write = (place: string, rendered: Rendered, language: PageParts['language'] = 'en'): void =>
    put(place, shell({ place, language, ...rendered }, navigation));

  for (const path of pagePaths) {
    const place = placeOf(path);
    const language = path.endsWith('.ja.md') ? 'ja' : 'en';
    write(place, render(readFileSync(join(root, path), 'utf8'), turn(path, place)), language);
  }
  for (const [folder, deep] of folders) write(folderPlace(folder), folderPage(folder, deep));
  for (const picture of pictures) {
    mkdirSync(dirname(join(out, picture)), { recursive: true });
    copyFileSync(join(root, picture), join(out, picture));
    written.push(picture);
  }
  put('style.css', readFileSync(join(import.meta.dirname, 'style.css'), 'utf8'));
  return written;
}

/** The headings and the first link of each entry in docs/README.md, which lists every page. */
function readNavigation(): NavGroup[] {
  const index = 'docs/README.md';
  const groups: { title: string; links: { title: string; place: string }[] }[] = [];
  for (const token of marked.lexer(readFileSync(join(root, index), 'utf8'))) {
    if (token.type === 'heading') groups.push({ title: (token as Tokens.Heading).text, links: [] });
    if (token.type !== 'list') continue;
    for (const item of (token as Tokens.List).items) {
      const [link] = linksOf(item);
      if (link !== undefined)
        groups.at(-1)!.links.push({ title: link.text, place: targetOf(index, link.href)!.place });
    }
  }
  return groups.filter(({ links }) => links.length > 0);
}

function linksOf(item: Token): Tokens.Link[] {
  const links: Tokens.Link[] = [];
  marked.walkTokens([item], (token) => {
    if (token.type === 'link') links.push(token as Tokens.Link);
  });
  return links;
}

/** A page that shows every file of a folder that pages link to. */
function folderPage(folder: string, deep: boolean): Rendered {
  const files = globSync(deep ? '**/*' : '*', { cwd: join(root, folder) })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => statSync(join(root, folder, file)).isFile() && shownHere(folder, file))
    .sort();
  const title = folder === '.' ? 'Files' : folder;
  const parts = files.map((file) => {
    const text = readFileSync(join(root, folder, file), 'utf8');
    return `<h2 id="${escapeHtml(file)}">${escapeHtml(file)}</h2>\n<pre tabindex="0"><code>${escapeHtml(text)}</code></pre>\n`;
  });
  return {
    title,
    html: `<h1>${escapeHtml(title)}</h1>\n${parts.join('')}`,
    headings: files.map((file) => ({ level: 2, id: file, html: escapeHtml(file) })),
  };
}

/** In the top folder only the licence and the Dockerfile; in others the text files. */
const shownHere = (folder: string, file: string): boolean =>
  folder === '.'
    ? /^(?:LICENSE|Dockerfile)$/.test(file)
    : /\.(?:ya?ml|conf|cf|json|ts|js|log|html|service|socket|md)$/.test(file);

if (import.meta.main) {
  const out = resolve(root, 'dist-site');
  const written = buildSite(out);
  process.stdout.write(`${written.length} files in ${out}\n`);
}
