/**
 * Builds `dist/lib`, what other people's apps import: an entry a plugin, in CommonJS, with an ES module beside it that gives the
 * same away, so that an app that has both ways has one of everything.
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

/** The admin server: it loads files beside itself, and is the program's. */
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
  // The thread that reads long lists is a file of its own.
  const changed = code.replace(
    /new URL\(`\.\/list-thread[^`]*`, import\.meta\.url\)/,
    "new URL('../program/list-thread.cjs', import.meta.url)",
  );
  const others = changed.replace("list-thread.cjs', import.meta.url", '');
  if (id.startsWith(join(root, 'src')) && others.includes('import.meta'))
    throw new Error(`${id} loads something by path: tools/library.ts has to bring it along`);
  return { code: changed };
}

/**
 * Writes the declarations: of the entries, beside their code, and for CommonJS a copy of all, where an import of `./a.js` would
 * be one of a module. TypeScript tells the two apart by the name of the file.
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
