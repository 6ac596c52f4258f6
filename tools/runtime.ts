/**
 * Copies the program with exactly its runtime dependencies. `npm prune` can't do that, because Fastify, a peer dependency of
 * ours, is installed as a development dependency.
 *
 * `node tools/runtime.ts FOLDER`, after `npm run build`.
 */
import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Dependency, runtimeDependencies } from './dependencies.ts';

const root = resolve(import.meta.dirname, '..');

const unused = /^\/(?:node_modules|tests?|benchmarks?|integration|\.github)(?:\/|$)|\/\.[^/]+$/;

/** @param folder where to copy the files of the package, and its dependencies below node_modules */
export function copyRuntime(folder: string): Dependency[] {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
  const dependencies = runtimeDependencies(root);
  for (const name of [...files, 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const { path } of dependencies) {
    const from = join(root, path);
    // Nested dependencies are copied by their own entry; tests and development files are not copied.
    const filter = (file: string) => !unused.test(file.slice(from.length));
    cpSync(from, join(folder, path), { recursive: true, filter });
  }
  return dependencies;
}

if (import.meta.main) copyRuntime(resolve(process.argv[2]!));
