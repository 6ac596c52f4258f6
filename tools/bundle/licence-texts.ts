/** The licence texts of everything in the single file, which has no folder beside it for them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtInDependencies, type Dependency, runtimeDependencies } from '../dependencies.ts';

/** @returns a comment for the end of the file */
export function licenceTexts(root: string): string {
  const own = `sekisho: MIT\n\n${readFileSync(join(root, 'LICENSE'), 'utf8').trim()}`;
  const dependencies = [...runtimeDependencies(root), ...builtInDependencies(root)];
  const others = dependencies.map((one) => licenceTextsOf(root, one));
  const text = [own, ...others].join(`\n\n${'-'.repeat(80)}\n\n`).replaceAll('*/', '* /');
  return `/*! Licences of what is in this file\n\n${text}\n*/`;
}

/** The name of a package and the licence texts it ships. */
export function licenceTextsOf(root: string, { name, version, license, path }: Dependency): string {
  const folder = join(root, path);
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(?:licen[cs]e|copying|notice)/i.test(entry.name))
    .map((entry) => readFileSync(join(folder, entry.name), 'utf8').trim());
  return [`${name} ${version}: ${license}`, ...texts].join('\n\n');
}
