/**
 * Compiles TypeScript to CommonJS in few files: what is shipped, in `dist`. CommonJS, since an `import` of `node:http` or `node:fs`
 * in a module loads all that they have, fetch and its parser included: 20 ms and some megabytes. A few files in place of
 * hundreds, since a file costs a third of a millisecond.
 */
import { join, resolve } from 'node:path';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';
import { schemaModule } from './bundle/single-file.ts';

export const root = resolve(import.meta.dirname, '..');
export const dist = join(root, 'dist');

/**
 * Packages stay outside.
 *
 * @param folder below `dist`
 * @param entries name of the file to be → its source
 * @returns the entries as they were written
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
    // CommonJS has no import.meta.main: `cli.cjs` is nobody's to import.
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
