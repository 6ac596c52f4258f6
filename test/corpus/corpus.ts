import { connect } from './connect.ts';
import { firstBytes } from './first-bytes.ts';
import type { CorpusRow } from './row.ts';
import { seeds } from './seeds.ts';
import { targets } from './targets.ts';

/** Every row of every topic. */
export const corpus: readonly CorpusRow[] = [...seeds, ...targets, ...connect, ...firstBytes];

const seen = new Set<string>();
for (const { id } of corpus) {
  if (seen.has(id)) throw new Error(`corpus: two rows are called ${id}; give one of them another id`);
  seen.add(id);
}
