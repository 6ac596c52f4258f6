/** The packages that the program needs at run time, as they lie in node_modules. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export interface Dependency extends Manifest {
  /** Its folder, from the root of the checkout: `node_modules/a/node_modules/b`. */
  readonly path: string;
  /** The folders of those that it needs itself. */
  readonly needs: readonly string[];
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/**
 * Everything that the package of a checkout needs, dependencies of dependencies included; a peer of ours (fastify) is
 * needed too, peers of others are there when somebody needs them.
 *
 * @throws Error where one is not installed
 */
export function runtimeDependencies(root: string): Dependency[] {
  const found = new Map<string, Dependency>();
  const own = manifestOf(root);
  const visit = (name: string, from: string, optional: boolean): string[] => {
    const folder = resolvePackage(root, name, from);
    if (folder === null) {
      if (optional) return [];
      throw new Error(
        `${name}, which ${relative(root, from) || own.name} needs, is not installed: run npm ci`,
      );
    }
    const path = relative(root, folder);
    if (found.has(path)) return [path];
    const manifest = manifestOf(folder);
    const needs: string[] = [];
    found.set(path, { ...manifest, path, needs });
    for (const next of Object.keys(manifest.dependencies ?? {})) needs.push(...visit(next, folder, false));
    for (const next of Object.keys(manifest.optionalDependencies ?? {}))
      needs.push(...visit(next, folder, true));
    return [path];
  };
  // What an app with a plugin may leave out the program needs all the same.
  const wanted = { ...own.dependencies, ...own.optionalDependencies, ...own.peerDependencies };
  for (const name of Object.keys(wanted)) visit(name, root, false);
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * What the build of the dashboard takes into its own files: development dependencies that are shipped all the same, without
 * dependencies of their own.
 *
 * @throws Error where one is not installed, or needs others
 */
export function builtInDependencies(root: string): Dependency[] {
  const names = new Set<string>();
  for (const file of globSync('src/dashboard/**/*.{ts,tsx,css}', { cwd: root })) {
    if (/(?:build|vite\.config)\.ts$/.test(file)) continue;
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, name] of text.matchAll(
      /(?:from|import)\s*\(?['"]((?:@[\w.-]+\/)?[\w-][\w.-]*)(?![\w.-]*:)/g,
    ))
      names.add(name!);
  }
  return [...names].sort().map((name) => {
    const folder = resolvePackage(root, name, root);
    if (folder === null) throw new Error(`${name}, which the dashboard needs, is not installed: run npm ci`);
    const manifest = manifestOf(folder);
    if (Object.keys(manifest.dependencies ?? {}).length > 0)
      throw new Error(`${name} needs packages of its own`);
    return { ...manifest, path: relative(root, folder), needs: [] };
  });
}

/** Node's way: the nearest node_modules upwards. */
function resolvePackage(root: string, name: string, from: string): string | null {
  for (let folder = from; ; folder = join(folder, '..')) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === root) return null;
  }
}
