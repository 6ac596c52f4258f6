/** Writes the generated pages: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pages, root } from './pages.ts';

for (const [path, content] of Object.entries(pages)) writeFileSync(join(root, path), await content());
