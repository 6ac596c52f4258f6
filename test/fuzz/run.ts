/**
 * Fuzzing for as long as one likes: `npm run fuzz -- [TARGET…] [--minutes N] [--seed N] [--count N]`.
 *
 * Targets are the parsers (without one: each of them in turn), and two that run only when they are named: `differential`, the same
 * requests through Sekisho, nginx and Apache, and `splits`, the corpus cut at every byte. What a parser reads wrongly is added to
 * `test/fuzz/crashers.json`, which the tests read again. Exits 1 where anything was found.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { saveCrashers } from './crashers.ts';
import { fuzz, mostGrowth } from './fuzz.ts';
import { fuzzDifferences, fuzzSplits } from './gateway-runs.ts';
import { targets } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, count: { type: 'string' } },
});
const names = targets.map(({ name }) => name);
const chosen = positionals.length === 0 ? names : positionals;
const unknown = chosen.filter((name) => ![...names, 'differential', 'splits'].includes(name));
if (unknown.length > 0) {
  console.error(
    `no target ${unknown.join(', ')}: give some of ${[...names, 'differential', 'splits'].join(', ')}`,
  );
  process.exit(2);
}
const minutes = number('minutes', 1);
const count = number('count', 100_000);
const seed = number('seed', randomInt(2 ** 31));

let failed = false;
for (const name of chosen) {
  if (name === 'differential') failed = !(await fuzzDifferences(seed, count)) || failed;
  else if (name === 'splits') failed = !(await fuzzSplits()) || failed;
  else failed = !(await fuzzParser(name)) || failed;
}
process.exit(failed ? 1 : 0);

async function fuzzParser(target: string): Promise<boolean> {
  const { inputs, seconds, ways, slowest, growth, crashes } = await fuzz(target, seed, minutes * 60_000);
  const rate = Math.round(inputs / seconds);
  console.log(
    `${target}: seed ${seed}, ${inputs} inputs in ${seconds.toFixed(0)} s (${rate}/s), ${ways} ways of reading, ` +
      `slowest ${slowest.toFixed(1)} ms, heap ${growth < 0 ? '' : '+'}${(growth / 2 ** 20).toFixed(1)} MiB`,
  );
  for (const { input, error } of crashes)
    console.log(
      `  ${error}: ${JSON.stringify(Buffer.from(input, 'base64').toString('latin1').slice(0, 300))}`,
    );
  saveCrashers(crashes.map((crash) => ({ target, ...crash })));
  if (growth > mostGrowth) console.log('  the heap grows');
  return crashes.length === 0 && growth <= mostGrowth;
}

function number(name: 'minutes' | 'seed' | 'count', fallback: number): number {
  const text = values[name];
  const value = text === undefined ? fallback : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  console.error(`--${name}: ${text} is no number`);
  process.exit(2);
}
