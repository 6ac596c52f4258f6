import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import { freePort } from './free-port.ts';
import { runProcess, startProcess } from './process.ts';

const node = process.execPath;

test('returns exit code and output, and passes input', async () => {
  const code =
    "process.stdin.on('data', (d) => console.log('in ' + d)); console.error('err'); process.exitCode = 3;";
  const result = await runProcess(node, ['-e', code], { input: 'hello' });
  assert.deepEqual(result, { code: 3, signal: null, stdout: 'in hello\n', stderr: 'err\n' });
});

test('kills a process that does not end in time', async () => {
  const result = await runProcess('sleep', ['1000'], { timeout: 50 });
  assert.equal(result.signal, 'SIGKILL');
});

test('a missing command is an error with its name', async (t) => {
  await assert.rejects(startProcess(t, '/nonexistent/server', []), /cannot start \/nonexistent\/server/);
});

test('waits for a whole line, past or future', async (t) => {
  const code =
    "console.log('ready 1'); process.stdin.on('data', () => console.log('said')); process.stderr.write('half');";
  const child = await startProcess(t, node, ['-e', code]);
  assert.equal((await child.waitForLine(/ready (\d)/))[1], '1');
  assert.equal((await child.waitForLine(/ready (\d)/))[1], '1');
  child.stdin.write('x');
  await child.waitForLine(/^said$/);
  await assert.rejects(child.waitForLine(/half/, 50), /no line \/half\//);
});

test('a process that ends before its line: the error has its output', async (t) => {
  const child = await startProcess(t, node, ['-e', "console.error('bad config'); process.exit(1)"]);
  await assert.rejects(child.waitForLine(/ready/), /exit code 1.*bad config/s);
});

test('waits for a port, and stops the listener with its workers', async (t) => {
  const port = await freePort();
  const worker = `require('net').createServer().listen(${port}, '127.0.0.1')`;
  const parent = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(worker)}])`;
  const child = await startProcess(t, node, ['-e', parent]);
  await child.waitForPort(port);
  assert.equal((await child.stop()).signal, 'SIGTERM');
  const socket = createConnection(port, '127.0.0.1');
  // A listener that still accepts must fail the test, not hang it.
  socket.once('connect', () => socket.destroy(new Error('the worker still accepts')));
  const [error] = await once(socket, 'error');
  assert.equal(error.code, 'ECONNREFUSED');
});

test('stops a process that ignores SIGTERM', async (t) => {
  const code = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')";
  const child = await startProcess(t, node, ['-e', code]);
  await child.waitForLine(/up/);
  assert.equal((await child.stop(50)).signal, 'SIGKILL');
});
