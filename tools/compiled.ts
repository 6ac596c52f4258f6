/**
 * Compiles TypeScript to a few CommonJS files in `dist`, which the package ships. CommonJS, because an ES `import` of `node:http` or
 * `node:fs` reads every export, which loads fetch and its parser: 20 ms and some megabytes. Few files, because each costs a third of
 * a millisecond at start.
 */
import { join, resolve } from 'node:path';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';
import { schemaModule } from './bundle/single-file.ts';

export const root = resolve(import.meta.dirname, '..');
export const dist = join(root, 'dist');

/**
 * Packages from npm stay external.
 *
 * @param folder below `dist`
 * @param entries name of the output file → its source
 * @returns the output of each entry
 */
export async function compile(
  folder: string,
  entries: Readonly<Record<string, string>>,
  plugin: Plugin,
): Promise<OutputChunk[]> {
  const build = await rolldown({
    input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, file)])),
    platform: 'node',
    external: (id) => /^[^./\0]/.test(id) && !id.startsWith(root),
    // CommonJS has no import.meta.main; `cli.cjs` is only run, never imported.
    transform: { target: 'node22', define: { 'import.meta.main': 'true' } },
    plugins: [{ name: 'schema', load: withSchema }, plugin],
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  const { output } = await build.write({
    dir: join(dist, folder),
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: 'part-[hash].cjs',
  });
  await build.close();
  return output.filter((part) => part.type === 'chunk').filter(({ isEntry }) => isEntry);
}

const withSchema = (id: string): string | null =>
  id === join(root, 'src/config/schema-file.ts') ? schemaModule(root) : null;
