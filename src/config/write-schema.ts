/** `npm run schema`: writes `config/sekisho.schema.json`, which editors use to complete and check a config. */
import { writeFileSync } from 'node:fs';
import { fileSchema } from './file-schema.ts';

const target = new URL('../../config/sekisho.schema.json', import.meta.url);

writeFileSync(target, `${JSON.stringify(fileSchema(), null, 2)}\n`);
