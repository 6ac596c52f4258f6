/** The shipped schema, which `npm run schema` writes from `schema.ts`. The program loads this file and not `schema.ts`. */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import type { JsonSchema } from './schema-reader.ts';

/** Beside `src` in a checkout, beside `dist` when installed. */
const file = new URL('config/sekisho.schema.json', `file://${findPackageJSON(import.meta.url)!}`);

const { anyOf: _, ...whole } = JSON.parse(readFileSync(file, 'utf8')) as JsonSchema;

/** Without the requirement of sites, smtp or decoys: `without-sites.ts` reports that in its own words. */
export const configSchema: JsonSchema = whole;
