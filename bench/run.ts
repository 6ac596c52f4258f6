/**
 * `npm run -s bench -- NAME [--json] [--quick] [--scene TEXT] [--peer NAME]`: runs one benchmark; rounds of our program and of its peers are interleaved.
 * Compare the ratios: absolute figures hold only for the machine they were measured on.
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
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    scene: { type: 'string' },
    peer: { type: 'string' },
  },
});
const name = benches.find((bench) => bench === positionals[0]);
if (name === undefined || positionals.length !== 1) {
  process.stderr.write(
    `usage: npm run -s bench -- ${benches.join('|')} [--json] [--quick] [--scene TEXT] [--peer NAME]\n`,
  );
  process.exit(2);
}
const { run } = (await import(`./${name}.ts`)) as { run(options: BenchOptions): Promise<void> };
await run(values);
