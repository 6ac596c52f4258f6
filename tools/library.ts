/**
 * Builds `dist/lib`, what other people's apps import: an entry a plugin, as ES modules and as CommonJS for `require` and Jest.
 * Each is a few files in place of sixty, since a file costs an import a third of a millisecond.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { schemaModule } from './bundle/single-file.ts';

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

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
/** The admin server: it loads files beside itself, and is the program's. */
const program = join(root, 'src/control-plane.ts');

/** Builds the code. `dist/src` is there by now. */
export async function buildLibrary(): Promise<void> {
  for (const [format, extension] of [
    ['esm', 'js'],
    ['cjs', 'cjs'],
  ] as const) {
    const folder = join(dist, 'lib', format);
    const build = await rolldown({
      input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, file)])),
      platform: 'node',
      external: (id) => /^[^./\0]/.test(id) && !id.startsWith(root),
      transform: { target: 'node22' },
      plugins: [
        {
          name: 'parts-of-the-program',
          resolveId(id, importer) {
            if (importer === undefined || resolve(dirname(importer), id) !== program) return null;
            return { id: '../../src/control-plane.js', external: true };
          },
          transform(code, id) {
            // The thread that reads long lists is a file of its own.
            const changed = code.replace(
              /new URL\(`\.\/list-thread[^`]*`, import\.meta\.url\)/,
              "new URL('../../src/bans/list-thread.js', import.meta.url)",
            );
            const others = changed.replace("list-thread.js', import.meta.url", '');
            if (id.startsWith(join(root, 'src')) && others.includes('import.meta'))
              throw new Error(`${id} loads something by path: tools/library.ts has to bring it along`);
            return { code: changed };
          },
          load: (id) => (id === join(root, 'src/config/schema-file.ts') ? schemaModule(root) : null),
        },
      ],
      onLog(level, log) {
        if (level === 'warn') throw new Error(log.message);
      },
    });
    await build.write({
      dir: folder,
      format,
      entryFileNames: `[name].${extension}`,
      chunkFileNames: `part-[hash].${extension}`,
    });
    await build.close();
  }
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
    const target = join(lib, 'cjs/types', file.replace(/\.d\.ts$/, '.d.cts'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
  for (const [name, file] of Object.entries(entries)) {
    const source = file.replace(/\.ts$/, '');
    writeFileSync(join(lib, `esm/${name}.d.ts`), `export * from '../../${source}.js';\n`);
    writeFileSync(join(lib, `cjs/${name}.d.cts`), `export * from './types/${source}.cjs';\n`);
  }
}
