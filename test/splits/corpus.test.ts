/**
 * Every row of the corpus, cut in two and byte by byte. Cut at every eighth byte here, beginning at another byte for each row; at every
 * byte by `npm run fuzz -- splits`.
 */
import { after, suite, test } from 'node:test';
import { corpus } from '../corpus/corpus.ts';
import { checkSplit, cutsOf, splitRun } from './splits.ts';

const run = await splitRun({ after });

suite('a request that comes in pieces', () => {
  test('cut in two is the same request', { timeout: 150_000 }, async (t) => {
    const vague = new Set<string>();
    for (const row of corpus) {
      const whole = await run.send(row);
      for (const cut of cutsOf(row, 8)) {
        const where = `${row.id}, cut before byte ${cut}`;
        if (!checkSplit(row, whole, await run.send(row, cut), where)) vague.add(row.id);
      }
    }
    t.diagnostic(`${vague.size} rows are refused by a less specific rule when they are cut`);
  });

  test('byte by byte is the same request', { timeout: 100_000 }, async () => {
    for (const row of corpus.filter(({ bytes }) => bytes.length < 2000)) {
      checkSplit(row, await run.send(row), await run.send(row, ...cutsOf(row)), `${row.id}, byte by byte`);
    }
  });
});
