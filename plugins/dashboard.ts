/** The dashboard's files, read once at start. Needs `sekisho-admin`, which keeps them behind the token. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where the build puts them; the second is their place beside compiled code. */
const folders = ['../dist/dashboard', '../dashboard'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

async function dashboardPlugin(app: FastifyInstance): Promise<void> {
  const files = readFiles();
  if (files === null) {
    app.get('/', { schema: { hide: true } }, async (_request, reply) =>
      reply.code(503).type('text/plain').send('The dashboard is not built: npm run dashboard\n'),
    );
    return;
  }
  for (const [path, { body, type }] of files) {
    app.get(path === '/index.html' ? '/' : path, { schema: { hide: true } }, async (_request, reply) => {
      // Names under /assets/ hold a digest of what is in them.
      if (path.startsWith('/assets/')) reply.header('Cache-Control', 'private, max-age=31536000, immutable');
      return reply.type(type).send(body);
    });
  }
}

function readFiles(): Map<string, { body: Buffer; type: string }> | null {
  for (const folder of folders) {
    try {
      const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      );
      const files = new Map(
        names.map((entry) => {
          const file = join(entry.parentPath, entry.name);
          const path = file.slice(folder.length).replaceAll('\\', '/');
          return [
            path,
            { body: readFileSync(file), type: types[extname(path)] ?? 'application/octet-stream' },
          ];
        }),
      );
      if (files.has('/index.html')) return files;
    } catch {
      // Not there: the next one, or none.
    }
  }
  return null;
}

export const dashboard = fp(dashboardPlugin, {
  name: 'sekisho-dashboard',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});
