/** A plugin that puts the files that the program loads by path into the single file. */
import { globSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import type { Plugin } from 'rolldown';

interface Change {
  readonly from: RegExp;
  readonly to: string;
}

/** Every module of ours that names a file beside it; `import.meta.url` in any other module fails the build. */
const changes: Readonly<Record<string, Change>> = {
  // CommonJS has no `import.meta.main`; the entry point calls `main`.
  'src/cli.ts': { from: /^if \(import\.meta\.main !== false\)[\s\S]*$/m, to: '' },
  'src/events/journal-worker.ts': {
    from: /new URL\(`[^`]*`, import\.meta\.url\)/,
    to: 'new URL(import.meta.url)',
  },
  'src/bans/list-file.ts': { from: /new URL\(`[^`]*`, import\.meta\.url\)/, to: 'new URL(import.meta.url)' },
  'src/scan/task-pool.ts': { from: /new URL\(`[^`]*`, import\.meta\.url\)/, to: 'new URL(import.meta.url)' },
  'src/program/workers/worker-pool.ts': {
    from: /new URL\(`[^`]*`, import\.meta\.url\)/,
    to: 'new URL(import.meta.url)',
  },
};

/** @param root the checkout, with the dashboard built */
export function singleFile(root: string): Plugin {
  const replaced: Readonly<Record<string, () => string>> = {
    'src/package-json.ts': () => packageModule(root),
    'src/config/schema-file.ts': () => schemaModule(root),
    'src/admin/dashboard-files.ts': () => dashboardModule(join(root, 'dist/dashboard')),
  };
  const nameOf = (id: string): string => id.slice(root.length + 1).replaceAll(sep, '/');
  const left = new Set(Object.keys({ ...replaced, ...changes }));
  return {
    name: 'single-file',
    load(id) {
      const name = nameOf(id);
      const made = replaced[name]?.();
      if (made === undefined) return null;
      left.delete(name);
      return { code: made, moduleType: 'js' };
    },
    transform(code, id) {
      const name = nameOf(id);
      if (!/^(?:src|plugins)\//.test(name)) return null;
      const change = changes[name];
      const changed = change === undefined ? code : code.replace(change.from, change.to);
      if (change !== undefined && changed === code)
        throw new Error(`${name} names its parts in a way that tools/bundle/single-file.ts does not know`);
      if (changed.replaceAll('new URL(import.meta.url)', '').includes('import.meta'))
        throw new Error(`${name} loads something by path: tools/bundle/single-file.ts must include it`);
      left.delete(name);
      return changed === code ? null : { code: changed };
    },
    buildEnd(error) {
      if (error === undefined && left.size > 0)
        throw new Error(`${[...left].join(', ')} is no longer part of the program`);
    },
  };
}

function packageModule(root: string): string {
  const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    string
  >;
  return `export const packageJson = ${JSON.stringify({ version, description })};`;
}

/** The schema as a module, without the descriptions that only editors show. */
export function schemaModule(root: string): string {
  const { anyOf: _, ...schema } = JSON.parse(
    readFileSync(join(root, 'config/sekisho.schema.json'), 'utf8'),
    (key, value: unknown) => (key === 'description' && typeof value === 'string' ? undefined : value),
  ) as Record<string, unknown>;
  return `export const configSchema = JSON.parse(${JSON.stringify(JSON.stringify(schema))});`;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

function dashboardModule(folder: string): string {
  const files = globSync('**/*.*', { cwd: folder })
    .sort()
    .map((file) => {
      const type = types[extname(file)];
      if (type === undefined) throw new Error(`no content type is known for ${file}`);
      return [`/${file.replaceAll(sep, '/')}`, type, readFileSync(join(folder, file), 'base64')];
    });
  if (!files.some(([path]) => path === '/index.html'))
    throw new Error('the dashboard is not built: npm run dashboard');
  return `const files = new Map(${JSON.stringify(files)}.map(([path, type, body]) => [path, { type, body: Buffer.from(body, 'base64') }]));
export const readDashboardFiles = () => files;`;
}
