/**
 * Builds `dist/lib`, which other people's apps import: one CommonJS entry per plugin, and beside it an ES module that re-exports it, so
 * that an app that uses both has only one instance.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { compile, dist, root } from './compiled.ts';

/** Sub-path of the package → its source. `index` is the package itself. */
export const entries: Readonly<Record<string, string>> = {
  index: 'src/index.ts',
  'relay-guard': 'plugins/relay-guard.ts',
  guard: 'plugins/guard.ts',
  forward: 'plugins/forward.ts',
  bans: 'plugins/bans.ts',
  'rate-limit': 'plugins/rate-limit.ts',
  metrics: 'plugins/metrics.ts',
  alerts: 'plugins/alerts.ts',
  dashboard: 'src/dashboard-plugin.ts',
};

/** The admin server: it loads files beside itself, so the library uses the copy in `dist/program`. */
const program = join(root, 'src/program/control-plane.ts');

/** Builds the code. */
export async function buildLibrary(): Promise<void> {
  const plugin = { name: 'parts-of-the-program', resolveId: toProgram, transform: toFiles };
  for (const { exports, fileName, name } of await compile('lib', entries, plugin)) {
    const text = `export { ${[...exports].sort().join(', ')} } from './${fileName}';\n`;
    writeFileSync(join(dist, 'lib', `${name}.js`), text);
  }
}

const toProgram = (id: string, importer: string | undefined) =>
  importer !== undefined && resolve(dirname(importer), id) === program
    ? { id: '../program/control-plane.cjs', external: true }
    : null;

function toFiles(code: string, id: string): { code: string } {
  // The thread that reads long lists has its own file.
  const changed = code.replace(
    /new URL\(`\.\/list-thread[^`]*`, import\.meta\.url\)/,
    "new URL('../program/list-thread.cjs', import.meta.url)",
  );
  const others = changed.replace("list-thread.cjs', import.meta.url", '');
  if (id.startsWith(join(root, 'src')) && others.includes('import.meta'))
    throw new Error(`${id} loads something by path: tools/library.ts must include it`);
  return { code: changed };
}

/**
 * Writes the declarations of the entries, beside their code, and a copy of all declarations for CommonJS: TypeScript tells the two
 * apart by the file name, so there `./a.js` would be an ES module.
 */
export function declareLibrary(): void {
  const lib = join(dist, 'lib');
  for (const file of globSync('{src,plugins}/**/*.d.ts', { cwd: dist })) {
    const text = readFileSync(join(dist, file), 'utf8').replace(
      /((?:from|import\()\s*'\.[^']*)\.js'/g,
      "$1.cjs'",
    );
    const target = join(lib, 'types', file.replace(/\.d\.ts$/, '.d.cts'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  for (const [name, file] of Object.entries(entries)) {
    const source = file.replace(/\.ts$/, '');
    writeFileSync(join(lib, `${name}.d.ts`), `export * from '../${source}.js';\n`);
    writeFileSync(join(lib, `${name}.d.cts`), `export * from './types/${source}.cjs';\n`);
  }
}
