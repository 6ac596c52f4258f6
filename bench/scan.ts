/**
 * Speed of scanning a log, against what people use: GoAccess, `grep -E` and a naive script that splits and matches lines. All
 * read the same ordinary combined log, in interleaved rounds; GoAccess only runs in the first. Compares medians of processor time
 * on one core.
 *
 * No two of these tools do the same work: GoAccess computes statistics of every field, grep reports no outcomes. The comparison
 * is how long an answer takes.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { peer } from '../test/support/peers.ts';
import { runProcess } from '../test/support/process.ts';
import { type BenchOptions, median, print } from './options.ts';

export interface ScanBenchResult {
  readonly bench: 'scan';
  readonly tool: string;
  readonly lines: number;
  readonly linesPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Speed as a multiple of GoAccess; null if GoAccess is not installed. */
  readonly overGoAccess: number | null;
}

const cli = resolve(import.meta.dirname, '../src/cli.ts');

/** A script as one writes it in ten minutes. */
const naive = `
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
let found = 0;
for await (const line of createInterface({ input: createReadStream(process.argv[2]), crlfDelay: Infinity })) {
  const m = /^(\\S+) \\S+ \\S+ \\[([^\\]]+)\\] "(\\S+) (\\S+)[^"]*" (\\d{3}) (\\S+)/.exec(line);
  if (m !== null && (m[3] === 'CONNECT' || /^https?:/.test(m[4]))) found++;
}
console.log(found);
`;

export async function run(options: BenchOptions): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'sekisho-bench-'));
  try {
    const lines = options.quick === true ? 100_000 : 2_000_000;
    const log = join(dir, 'access.log');
    const script = join(dir, 'naive.mjs');
    await writeLog(log, lines);
    await writeFile(script, naive);
    const { size } = await stat(log);
    const tools: { tool: string; command: readonly string[] }[] = [
      { tool: 'sekisho', command: [process.execPath, cli, 'scan', '--json', '--threads', '1', log] },
      { tool: 'naive script', command: [process.execPath, script, log] },
      { tool: 'grep -E', command: ['grep', '-aEc', '"(CONNECT |[A-Z]+ https?://|\\\\x0[45])', log] },
    ];
    const goaccess = peer('goaccess');
    if (goaccess === null)
      process.stderr.write('goaccess is not installed: run test/install-peers.sh as root\n');
    else {
      const command = [
        goaccess,
        log,
        '--log-format=COMBINED',
        '--no-progress',
        '-o',
        join(dir, 'report.json'),
      ];
      tools.push({ tool: 'GoAccess', command });
    }
    const seconds = tools.map((): number[] => []);
    for (let round = 0; round < (options.quick === true ? 1 : 3); round++) {
      for (const [i, { tool, command }] of tools.entries()) {
        // One round of GoAccess takes longer than all rounds of the others.
        if (tool !== 'GoAccess' || round === 0) seconds[i]!.push(await timed(command));
      }
    }
    const medians = seconds.map(median);
    const reference = goaccess === null ? null : medians.at(-1)!;
    for (const [i, { tool }] of tools.entries()) {
      const result: ScanBenchResult = {
        bench: 'scan',
        tool,
        lines,
        linesPerSecond: Math.round(lines / medians[i]!),
        megabytesPerSecond: Math.round(size / 1e6 / medians[i]!),
        overGoAccess: reference === null ? null : Number((reference / medians[i]!).toFixed(2)),
      };
      const over = result.overGoAccess === null ? '' : `  ${result.overGoAccess.toFixed(2)} × GoAccess`;
      print(
        options,
        result,
        `${tool.padEnd(14)}${result.linesPerSecond.toLocaleString('en-US').padStart(12)} lines/s${String(result.megabytesPerSecond).padStart(7)} MB/s${over}`,
      );
    }
  } finally {
    await rm(dir, { recursive: true });
  }
}

/**
 * Runs a command and prints the processor time of it and its children, by the shell's `times`. The pipe hides /dev/null, on
 * which grep would stop at the first match.
 */
const measured = '"$0" "$@" 2>&1 | cat >/dev/null; times';

/** Processor seconds of a command, user and system, including its start; other work on the machine is not in it. */
async function timed(command: readonly string[]): Promise<number> {
  const { code, stdout } = await runProcess('sh', ['-c', measured, ...command], { timeout: 600_000 });
  // grep exits 1 if nothing matches.
  if (code !== 0 && !(command[0] === 'grep' && code === 1))
    throw new Error(`${command[0]} ended with ${code}`);
  const children = stdout.trim().split('\n').at(-1)!;
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
}

const agents = [
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile Safari/604.1',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'curl/8.6.0',
];

/** The log of an ordinary site: many visitors, some thousand paths, one probe in ten thousand requests. */
async function writeLog(file: string, lines: number): Promise<void> {
  const out = createWriteStream(file);
  let seed = 42;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed % below;
  };
  let block = '';
  for (let i = 0; i < lines; i++) {
    const time = new Date(Date.UTC(2024, 0, 1) + i * 700).toISOString();
    const month = ['Jan', 'Feb'][Number(time.slice(5, 7)) - 1];
    const path =
      i % 7 === 0 ? '/' : `/articles/${random(4000)}/${['', 'style.css', 'photo.jpg', 'app.js'][random(4)]}`;
    const request = i % 10_000 === 9999 ? 'CONNECT mx.example.com:25' : `GET ${path}`;
    const status = i % 10_000 === 9999 ? 405 : [200, 200, 200, 304, 404][random(5)];
    block += `${1 + random(222)}.${random(255)}.${random(255)}.${random(255)} - - [${time.slice(8, 10)}/${month}/2024:${time.slice(11, 19)} +0000] "${request} HTTP/1.1" ${status} ${200 + ((path.length * 7919) % 60_000)} "${i % 3 === 0 ? '-' : 'https://www.example.net/articles/'}" "${agents[random(4)]}"\n`;
    if (block.length > 1 << 20) {
      if (!out.write(block)) await once(out, 'drain');
      block = '';
    }
  }
  out.end(block);
  await once(out, 'finish');
}
