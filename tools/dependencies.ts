/** The packages that the program needs at run time, as installed in node_modules. */
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
  /** The folders of its own dependencies. */
  readonly needs: readonly string[];
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/**
 * All runtime dependencies of a checkout, transitive ones included. Our peer dependency (fastify) counts; peers of other packages
 * do not, because whatever needs them depends on them itself.
 *
 * @throws Error if one is not installed
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
  // The program also needs the packages that are optional for an app with a plugin.
  const wanted = { ...own.dependencies, ...own.optionalDependencies, ...own.peerDependencies };
  for (const name of Object.keys(wanted)) visit(name, root, false);
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * The packages compiled into the dashboard: development dependencies, but shipped. They have no dependencies themselves.
 *
 * @throws Error if one is not installed, or has dependencies
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

/** Resolves as Node does: the nearest node_modules upwards. */
function resolvePackage(root: string, name: string, from: string): string | null {
  for (let folder = from; ; folder = join(folder, '..')) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (folder === root) return null;
  }
}
