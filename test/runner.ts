/**
 * Runs the tests: `node test/run.js [--coverage] [--again] [--quick | --soak | PATH…]`. A path is a file or a folder (`test/wire`). `--quick` runs
 * the rooms that need almost nothing but this code, `--soak` what takes longest; without either all tests run. `--coverage` also
 * reports line coverage, which takes some minutes more. `--again` runs files that failed once more, each alone, and goes by that.
 *
 * Exits 1 on any failure and when nothing ran. Skipped tests are listed by name at the end; with SEKISHO_CI=1 they
 * count as failures, so that a missing peer cannot hide a broken promise.
 */
import { globSync, statSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';

const root = resolve(import.meta.dirname, '..');
/** Milliseconds for one test file; a file that hangs fails by name instead of stalling the run. */
const fileTimeout = 600_000;
/** For the test files too; the soak (`SOAK_SECONDS`) takes as long as it is asked to. */
process.env.SEKISHO_TEST_FILE_LIMIT ??= String(fileTimeout + 1000 * Number(process.env.SOAK_SECONDS ?? 0));
/** Commands speak the language of the locale; what tests compare is English. */
process.env.LC_ALL = 'C.UTF-8';
/** Compiled code is kept between processes: a gateway starts in half of the processor time. Coverage would lose precision by it. */
if (!process.argv.includes('--coverage'))
  process.env.NODE_COMPILE_CACHE ??= resolve(root, 'node_modules/.cache/node');
/** Files whose line coverage is below this many per cent are named. */
const wellCovered = 90;
/** Test files at once. Half of their time they wait for others, so that two processors are busy with four. */
const concurrency = 4;
const strict = process.env.SEKISHO_CI === '1';
/** Rooms without sockets, files and processes, or with next to none: some seconds together. */
const quick = [
  'address',
  'judge.test.ts',
  'rules',
  'structure',
  'wire',
  'words',
  'limit',
  'explain',
  'corpus',
  'forward',
  'config',
  'geo',
];
/** Floods, soaks, bodies of gigabytes, and forty servers that nmap is asked about. */
const soak = [
  'audit/agreement.test.ts',
  'bans/flood-process.test.ts',
  'gateway/large-bodies.test.ts',
  'gateway/soak.test.ts',
  'gateway/websocket-cycles.test.ts',
  'http2/soak.test.ts',
  'smtp/large-message.test.ts',
];
/** More files than this are not run again: so many do not fail because the machine is busy. */
const mostAgain = 8;
const options = ['--coverage', '--again'];
const args = process.argv.slice(2);
const filters = args
  .filter((arg) => !options.includes(arg))
  .flatMap((path) => (path === '--quick' ? inTests(quick) : path === '--soak' ? inTests(soak) : [path]));

const files = filters.length === 0 ? testsUnder(resolve(root, 'test')) : filters.flatMap(testsAt);
if (files.length === 0) {
  console.error('no test files to run');
  process.exit(1);
}

/** Inputs that lie outside the repository and cannot be shipped with it: a clone alone cannot have them. */
const absentInput = /needs (?:the real logs|the HPACK vectors|a registry with advisories)/;

interface Failure {
  readonly file: string | undefined;
  /** Its suites, its name, its place. */
  readonly where: string;
}

const skipped: string[] = [];
const withoutInput: string[] = [];
let ran = 0;

let failed = await runFiles(inOrder(files), concurrency);
const toRepeat = new Set(failed.map(({ file }) => file));
let passedAlone: readonly Failure[] = [];
if (args.includes('--again') && toRepeat.size > 0 && toRepeat.size <= mostAgain && !toRepeat.has(undefined)) {
  console.log('\nrun again, each alone:');
  const before = failed;
  failed = await runFiles([...toRepeat] as string[], 1);
  passedAlone = before.filter(({ file }) => !failed.some((one) => one.file === file));
}

if (skipped.length > 0) {
  console.log(`\n${strict ? 'skipped, which counts as failed here' : 'skipped'}:`);
  for (const name of skipped) console.log(`  ${name}`);
}
if (withoutInput.length > 0) {
  console.log('\nnot run, because their input is not part of the repository:');
  for (const name of withoutInput) console.log(`  ${name}`);
}
if (passedAlone.length > 0) {
  console.log(
    '\nfailed at first, and passed alone (it depends on what else the machine does: please fix the test):',
  );
  for (const { where } of passedAlone) console.log(`  ${where}`);
}
if (failed.length > 0) {
  console.log('\nfailed:');
  for (const { where } of failed) console.log(`  ${where}`);
}
if (ran === 0) console.error('no test ran');
if (failed.length > 0 || ran === 0 || (strict && skipped.length > 0)) process.exitCode = 1;

/** Runs and reports files. @returns what failed */
async function runFiles(files: readonly string[], concurrency: number): Promise<Failure[]> {
  const failures: Failure[] = [];
  /** File → names of the suites around what it reports, and of that itself. */
  const within = new Map<string | undefined, string[]>();
  const reporter = new spec();
  reporter.pipe(process.stdout, { end: false });
  const events = run({
    files,
    cwd: root,
    isolation: 'process',
    concurrency,
    timeout: Number(process.env.SEKISHO_TEST_FILE_LIMIT),
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      // A failed test may leave a socket open; the results of its file are complete all the same.
      '--test-force-exit',
      ...['whole-results', 'time-limit'].map(
        (name) => `--import=${pathToFileURL(resolve(root, `test/support/${name}.ts`))}`,
      ),
    ],
    coverage: args.includes('--coverage'),
    coverageIncludeGlobs: ['src/**/*.ts', 'plugins/**/*.ts'],
  });
  for await (const event of events) {
    if (event.type === 'test:coverage') {
      reportCoverage(event.data.summary);
      continue;
    }
    if (event.type === 'test:start') {
      const { name, file, nesting } = event.data;
      within.set(file, [...(within.get(file) ?? []).slice(0, nesting), name]);
    }
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const { name, file, line, nesting, skip, todo } = event.data;
      const whole = [...(within.get(file) ?? []).slice(0, nesting), name].join(' > ');
      const where = `${whole} (${file === undefined ? '?' : relative(root, file)}:${line ?? '?'})`;
      if (event.data.details.type !== 'suite') ran += 1;
      if (skip !== undefined && skip !== false) {
        (absentInput.test(String(skip)) ? withoutInput : skipped).push(`${where}${reason(skip)}`);
      } else if (todo !== undefined && todo !== false) skipped.push(`${where}: to do${reason(todo)}`);
      else if (event.type === 'test:fail') failures.push({ file, where });
    }
    reporter.write(event);
  }
  reporter.end();
  await new Promise((done) => reporter.once('end', done));
  return failures;
}

/** Quick rooms first, then the longest files, so that the run does not end with one long file. */
function inOrder(files: readonly string[]): string[] {
  const sorted = [...new Set(files)].sort();
  const first = [...inTests(quick), ...inTests(soak)].flatMap(testsAt);
  return [
    ...first.filter((file) => sorted.includes(file)),
    ...sorted.filter((file) => !first.includes(file)),
  ];
}

function testsUnder(folder: string): string[] {
  return globSync('**/*.test.ts', { cwd: folder }).map((path) => resolve(folder, path));
}

function inTests(paths: readonly string[]): string[] {
  return paths.map((path) => `test/${path}`);
}

function testsAt(path: string): string[] {
  const absolute = resolve(root, path);
  const stats = statSync(absolute, { throwIfNoEntry: false });
  if (stats === undefined) {
    console.error(`${path}: no such file or folder (paths are relative to the repository)`);
    process.exit(1);
  }
  return stats.isDirectory() ? testsUnder(absolute) : [absolute];
}

function reason(value: string | true): string {
  return typeof value === 'string' ? `: ${value}` : '';
}

interface CoverageSummary {
  files: { path: string; coveredLinePercent: number }[];
  totals: { coveredLinePercent: number; coveredLineCount: number; totalLineCount: number };
}

function reportCoverage({ files: measured, totals }: CoverageSummary): void {
  const lines = [...measured]
    .sort((a, b) => a.coveredLinePercent - b.coveredLinePercent)
    .filter((file) => file.coveredLinePercent < wellCovered)
    .map(
      (file) => `  ${percent(file.coveredLinePercent)}  ${relative(root, file.path).replaceAll(sep, '/')}`,
    );
  console.log(
    `\nline coverage ${percent(totals.coveredLinePercent)} ` +
      `(${totals.coveredLineCount} of ${totals.totalLineCount} lines in ${measured.length} files)`,
  );
  if (lines.length > 0) console.log([`below ${wellCovered} %:`, ...lines].join('\n'));
}

function percent(value: number): string {
  return `${value.toFixed(1).padStart(5)} %`;
}
