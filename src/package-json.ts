import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** The package's own package.json: beside `src` in a checkout, beside `dist` when installed. */
export const packageJson = JSON.parse(readFileSync(findPackageJSON(import.meta.url)!, 'utf8')) as {
  readonly version: string;
  readonly description: string;
};
