/**
 * Builds the dashboard: automatically after `npm ci`, manually with `npm run dashboard`. With `--if-needed`, as in `npm start`, only
 * if the build is missing or older than its source.
 */
import { globSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

const built = resolve(import.meta.dirname, '../../dist/dashboard/index.html');

const changed = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function isFresh(): boolean {
  const sources = globSync(['**/*.{ts,tsx,css,html,svg}', '../{looks,words}/*.ts'], {
    cwd: import.meta.dirname,
  });
  return sources.every((file) => changed(resolve(import.meta.dirname, file)) <= changed(built));
}

if (!process.argv.includes('--if-needed') || !isFresh()) {
  // An installation without development dependencies contains the built files.
  const vite = await import('vite').catch(() => null);
  if (vite === null) process.stderr.write('the dashboard is not built: vite is not installed\n');
  else await vite.build({ configFile: resolve(import.meta.dirname, 'vite.config.ts'), logLevel: 'warn' });
}
