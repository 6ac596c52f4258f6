/** The schema that is shipped, `npm run schema` writes it. What it is made from, `schema.ts`, is not loaded by the program. */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import type { JsonSchema } from './schema-reader.ts';

/** Beside `src` in a checkout, beside `dist` where it is installed. */
const file = new URL('config/sekisho.schema.json', `file://${findPackageJSON(import.meta.url)!}`);

const { anyOf: _, ...whole } = JSON.parse(readFileSync(file, 'utf8')) as JsonSchema;

/** Without what a config has to have at least: `without-sites.ts` tells that in its own words. */
export const configSchema: JsonSchema = whole;
