import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A document root with pages of a few sizes, each different from every other server's. */
export interface StaticPages {
  readonly root: string;
  /** In every page: distinguishes this server's own pages from relayed ones. */
  readonly token: string;
  /** Path (`/`, `/index.html`, `/1k.txt`, `/64k.txt`, `/1m.bin`, `/folder/page.html`) to content. */
  readonly pages: ReadonlyMap<string, Buffer>;
}

/** Writes the pages into the new folder `root`. */
export async function staticPages(root: string): Promise<StaticPages> {
  const token = `own-${randomBytes(8).toString('hex')}`;
  const pages = new Map<string, Buffer>([
    ['/index.html', Buffer.from(`<!doctype html><title>${token}</title><h1>Own page</h1>\n`)],
    ['/folder/page.html', Buffer.from(`<!doctype html><title>${token} in a folder</title>\n`)],
    ['/1k.txt', textOf(token, 1024)],
    ['/64k.txt', textOf(token, 65_536)],
    ['/1m.bin', Buffer.concat([Buffer.from(token), randomBytes(1_048_576 - token.length)])],
  ]);
  await mkdir(join(root, 'folder'), { recursive: true });
  for (const [path, content] of pages) await writeFile(join(root, path), content);
  pages.set('/', pages.get('/index.html')!);
  return { root, token, pages };
}

function textOf(token: string, size: number): Buffer {
  return Buffer.alloc(size, `${token} is served by its own server only\n`);
}
