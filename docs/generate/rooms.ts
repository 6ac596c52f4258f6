/** The rooms of the source, in the layers that docs/architecture.md lists, and what each imports. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export const architecture = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

/** Each layer may import from those behind it. */
export const layers: readonly (readonly string[])[] = /^```text\n(cli[\s\S]*?)\n```$/m
  .exec(architecture)![1]!
  .split('\n')
  .map((line) => line.split(', '));

export const sourceFiles: readonly string[] = globSync(['src/**/*.{ts,tsx}', 'plugins/**/*.ts'], {
  cwd: root,
}).sort();

/** `src/wire/authority.ts` → `wire`, `src/judge.ts` → `judge`, `plugins/forward.ts` → `plugins`. */
export function roomOf(path: string): string {
  const [top, second] = path.split('/');
  return top === 'src' ? second!.replace(/\.ts$/, '') : top!;
}

/** What a file imports, as it names it. */
export function importsOf(path: string): string[] {
  const source = readFileSync(join(root, path), 'utf8');
  return [...source.matchAll(/(?:\bfrom|\bimport\(|^import)\s*['"`]([^'"`]+)['"`]/gm)].map(
    ([, target]) => target!,
  );
}

/** The files of the project that a file imports. */
export const filesImportedBy = (path: string): string[] =>
  importsOf(path)
    .filter((target) => /^\..*\.tsx?$/.test(target))
    .map((target) => join(dirname(path), target));

/** Each entry of `layers`, `log + log-file` included → the entries that it imports. */
export function importsBetweenRooms(): ReadonlyMap<string, ReadonlySet<string>> {
  const entryOf = new Map(
    layers.flat().flatMap((entry) => entry.split(' + ').map((room) => [room, entry] as const)),
  );
  const found = new Map<string, Set<string>>(layers.flat().map((entry) => [entry, new Set()]));
  for (const path of sourceFiles) {
    const from = entryOf.get(roomOf(path));
    for (const target of filesImportedBy(path)) {
      const to = entryOf.get(roomOf(target));
      if (from !== undefined && to !== undefined && from !== to) found.get(from)!.add(to);
    }
  }
  return found;
}

/** Without the imports that follow from others: where A imports B, and B imports C, A's own import of C. */
export function essential(
  imports: ReadonlyMap<string, ReadonlySet<string>>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const reached = new Map<string, ReadonlySet<string>>();
  const reach = (room: string): ReadonlySet<string> => {
    const known = reached.get(room);
    if (known !== undefined) return known;
    const all = new Set([...imports.get(room)!].flatMap((target) => [target, ...reach(target)]));
    reached.set(room, all);
    return all;
  };
  return new Map(
    [...imports].map(([room, targets]) => [
      room,
      new Set([...targets].filter((one) => ![...targets].some((other) => reach(other).has(one)))),
    ]),
  );
}
