/** Writes `config/sekisho.schema.json`, by which editors complete and check a config: `npm run schema`. */
import { writeFileSync } from 'node:fs';
import { fileSchema } from './file-schema.ts';

const target = new URL('../../config/sekisho.schema.json', import.meta.url);

writeFileSync(target, `${JSON.stringify(fileSchema(), null, 2)}\n`);
