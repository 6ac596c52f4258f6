/** Where link targets are on the site. */
import { existsSync, globSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** Every page: in the top folder, under docs/ and under examples/. */
export const pagePaths: readonly string[] = globSync(['*.md', 'docs/**/*.md', 'examples/*.md'], { cwd: root })
  .map((path) => path.replaceAll('\\', '/'))
  .sort();

/** `README.md` becomes the front page; an index becomes its folder's page. */
export function placeOf(path: string): string {
  if (path === 'README.md') return 'index.html';
  return path.replace(/README\.md$/, 'index.md').replace(/\.md$/, '.html');
}

/** The page that shows the files of a folder. */
export function folderPlace(folder: string): string {
  if (folder === '.') return 'files.html';
  return pagePaths.includes(`${folder}/README.md`) ? `${folder}/files.html` : `${folder}/index.html`;
}

export interface Target {
  /** Relative to the site's root, with the anchor. */
  readonly place: string;
  /** The folder whose page it needs; `deep`: with subfolders. */
  readonly folder: { readonly path: string; readonly deep: boolean } | null;
  /** The picture it needs. */
  readonly picture: string | null;
}

/** Where a link of a page leads; null: out of the site. @throws if the target does not exist */
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
