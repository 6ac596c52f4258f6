/**
 * Builds `dist/`, the code that the package ships: Node strips types in a checkout, but not below node_modules. Run by `npm pack`.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildLibrary, declareLibrary } from './library.ts';
import { manPage } from './man.ts';
import { buildProgram } from './program.ts';

const root = resolve(import.meta.dirname, '..');
const dist = resolve(root, 'dist');

// `dist/dashboard` has its own build.
for (const built of ['src', 'plugins', 'lib', 'program', 'man'])
  rmSync(resolve(dist, built), { recursive: true, force: true });
const compiler = resolve(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(1);

// The compiler does not rewrite specifiers in declarations.
for (const file of globSync('**/*.d.ts', { cwd: dist })) {
  const path = resolve(dist, file);
  writeFileSync(path, readFileSync(path, 'utf8').replace(/((?:from|import\()\s*'\.[^']*)\.ts'/g, "$1.js'"));
}
await import('../src/dashboard/build.ts');
await buildProgram();
mkdirSync(resolve(dist, 'man'), { recursive: true });
writeFileSync(resolve(dist, 'man/sekisho.1'), manPage(new Date().toISOString().slice(0, 10)));
await buildLibrary();
declareLibrary();
