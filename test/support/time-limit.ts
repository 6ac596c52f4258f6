/**
 * `--import`ed into every test file by `test/runner.ts`: ends a file that hangs. The runner's own `timeout` ends a
 * test, but not a file whose sockets stay open or whose code never yields.
 */
import { Worker } from 'node:worker_threads';

const limit = Number(process.env.SEKISHO_TEST_FILE_LIMIT);
if (limit > 0) {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo().join(', ');
    console.error(`${process.argv[1]} is still running after ${limit} ms; open: ${open}`);
    process.exit(1);
  }, limit).unref();
  // A regular expression that backtracks for ever blocks the timer above and signal handlers.
  const kill = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${limit + 5_000})`;
  new Worker(kill, { eval: true, execArgv: [] }).unref();
  // Not inherited by child processes and tests of this limit.
  delete process.env.SEKISHO_TEST_FILE_LIMIT;
}
