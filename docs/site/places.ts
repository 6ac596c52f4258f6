/** Where what the pages link to is on the site. */
import { existsSync, globSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** Every page: those at the top, those under docs/, and what they lead to. */
export const pagePaths: readonly string[] = globSync(['*.md', 'docs/**/*.md', 'examples/*.md'], { cwd: root })
  .map((path) => path.replaceAll('\\', '/'))
  .sort();

/** `README.md` is what stands at the front; an index stands for its folder. */
export function placeOf(path: string): string {
  if (path === 'README.md') return 'index.html';
  return path.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html');
}

/** A folder of files that pages link to has a page that shows them all. */
export function folderPlace(folder: string): string {
  if (folder === '.') return 'files.html';
  return pagePaths.includes(`${folder}/README.md`) ? `${folder}/files.html` : `${folder}/index.html`;
}

export interface Target {
  /** Relative to the site's front, with its anchor. */
  readonly place: string;
  /** The folder whose page it needs: of all that is below it, or of the files in it. */
  readonly folder: { readonly path: string; readonly deep: boolean } | null;
  /** The picture it needs. */
  readonly picture: string | null;
}

/** Where a link of a page leads; null: out of the site. @throws where nothing is there */
export function targetOf(page: string, href: string): Target | null {
  if (/^[a-z]+:/i.test(href)) return null;
  const [file = '', anchor] = decodeURI(href).split('#');
  const path = file === '' ? page : posix.join(dirname(page), file).replace(/\/$/, '');
  const fragment = anchor === undefined ? '' : `#${anchor}`;
  const nothing = { folder: null, picture: null };
  if (pagePaths.includes(path)) return { ...nothing, place: `${placeOf(path)}${fragment}` };
  const full = join(root, path);
  if (path.startsWith('..') || !existsSync(full)) throw new Error(`${page}: ${href} leads nowhere`);
  if (/\.(?:png|svg|jpg)$/.test(path)) return { ...nothing, place: path, picture: path };
  if (statSync(full).isDirectory()) {
    const own = `${path}/README.md`;
    if (pagePaths.includes(own)) return { ...nothing, place: placeOf(own) };
    return { ...nothing, place: folderPlace(path), folder: { path, deep: true } };
  }
  const folder = dirname(path);
  return {
    ...nothing,
    place: `${folderPlace(folder)}#${posix.basename(path)}`,
    folder: { path: folder, deep: false },
  };
}
