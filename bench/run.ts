/**
 * `npm run -s bench -- NAME [--json] [--quick]`: one benchmark, in this one run, its peers measured in turn with ours.
 * Figures are ratios of such a run: what one machine makes of them in absolute terms says little about another.
 */
import { parseArgs } from 'node:util';
import type { BenchOptions } from './options.ts';

const benches = [
  'forward',
  'guard',
  'plugin',
  'workers',
  'footprint',
  'judge',
  'tls',
  'http2',
  'websocket',
  'smtp',
  'bans',
  'lookup',
  'flood',
  'attacks',
  'journal',
  'journal-query',
  'fleet',
  'probes',
  'scan',
  'scan-memory',
] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});
const name = benches.find((bench) => bench === positionals[0]);
if (name === undefined || positionals.length !== 1) {
  process.stderr.write(`usage: npm run -s bench -- ${benches.join('|')} [--json] [--quick]\n`);
  process.exit(2);
}
const { run } = (await import(`./${name}.ts`)) as { run(options: BenchOptions): Promise<void> };
await run(values);
