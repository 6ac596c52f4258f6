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
  // A pattern that backtracks for ever keeps the timer above from firing, and signal handlers too.
  const kill = `setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${limit + 5_000})`;
  new Worker(kill, { eval: true, execArgv: [] }).unref();
  // Neither a child process nor a test of this limit takes it over.
  delete process.env.SEKISHO_TEST_FILE_LIMIT;
}
