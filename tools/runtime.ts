/**
 * The program with all that it needs at run time, and nothing else: what `npm prune` can't give, since Fastify is a peer of
 * ours that comes with the development dependencies.
 *
 * `node tools/runtime.ts FOLDER`, after `npm run build`.
 */
import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Dependency, runtimeDependencies } from './dependencies.ts';

const root = resolve(import.meta.dirname, '..');

const unused = /^\/(?:node_modules|tests?|benchmarks?|integration|\.github)(?:\/|$)|\/\.[^/]+$/;

/** @param folder gets the files of the package, and its dependencies below node_modules */
export function copyRuntime(folder: string): Dependency[] {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
  const dependencies = runtimeDependencies(root);
  for (const name of [...files, 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const { path } of dependencies) {
    const from = join(root, path);
    // A dependency within another comes with it, or by itself; what it was developed with stays here.
    const filter = (file: string) => !unused.test(file.slice(from.length));
    cpSync(from, join(folder, path), { recursive: true, filter });
  }
  return dependencies;
}

if (import.meta.main) copyRuntime(resolve(process.argv[2]!));
