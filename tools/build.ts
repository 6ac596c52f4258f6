/**
 * Builds `dist/`, what the package ships: Node strips types in a checkout, but not below node_modules. Run by `npm pack`.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildLibrary, declareLibrary } from './library.ts';

const root = resolve(import.meta.dirname, '..');
const dist = resolve(root, 'dist');

// `dist/dashboard` is built by its own means.
for (const built of ['src', 'plugins', 'lib']) rmSync(resolve(dist, built), { recursive: true, force: true });
const compiler = resolve(root, 'node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) process.exit(1);

// The compiler rewrites the specifiers of code, and leaves those of declarations as they are.
for (const file of globSync('**/*.d.ts', { cwd: dist })) {
  const path = resolve(dist, file);
  writeFileSync(path, readFileSync(path, 'utf8').replace(/((?:from|import\()\s*'\.[^']*)\.ts'/g, "$1.js'"));
}
await import('../src/dashboard/build.ts');
// Pages, styles and the like lie beside the code that serves them.
for (const file of globSync(['src/**/*', 'plugins/**/*'], {
  cwd: root,
  exclude: ['**/*.{ts,tsx}', 'src/dashboard/**'],
})) {
  if (statSync(resolve(root, file)).isFile()) cpSync(resolve(root, file), resolve(dist, file));
}
await buildLibrary();
declareLibrary();
