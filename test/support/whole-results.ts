/**
 * `--import`ed into every test file by `test/runner.ts`: its results are sent before it ends. Results go to the runner by a
 * socket; while that is full they wait in this process, and `--test-force-exit` does not wait for them.
 */
(process.stdout as { _handle?: { setBlocking(on: boolean): void } })._handle?.setBlocking(true);
