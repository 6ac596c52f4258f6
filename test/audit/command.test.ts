import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { audited } from '../support/audited.ts';
import { freePort } from '../support/free-port.ts';
import { openMicrosocks } from '../support/open-proxies.ts';
import { needs } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';

const cli = resolve(import.meta.dirname, '../../src/cli.ts');

test('bad input is told with its mend, and nothing is printed as a finding', async () => {
  const port = await freePort();
  for (const [args, message] of [
    [['http://127.0.0.1/'], /give HOST, HOST:PORT/],
    [['127.0.0.1', '--port', 'http'], /--port "http" is no port/],
    [['127.0.0.1:1', '--timeout', 'soon'], /--timeout "soon": give a number/],
    [[`127.0.0.1:${port}`], /nothing accepts at 127\.0\.0\.1/],
  ] as const) {
    const { code, stdout, stderr } = await audited(...args);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, message);
  }
  assert.equal((await audited()).code, 2);
});

test('several ports, a closed one among them, and the canary at an address of its own', async (t) => {
  if (!needs(t, 'microsocks')) return;
  const open = await openMicrosocks(t);
  const closed = await freePort();
  const canary = await freePort();
  const { findings, relays, stderr, code } = await audited(
    ...['127.0.0.1', '--port', `${closed},${open.port}`, '--canary', `localhost:${canary}`],
    ...['--canary-listen', `127.0.0.1:${canary}`],
  );
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`port ${closed}: closed`));
  // A name cannot be put where an address belongs: SOCKS4 and the mapped address are left out.
  assert.ok(relays.includes('socks5/domain'));
  assert.ok(!findings.some(({ technique }) => technique === 'socks4'));
  for (const { target } of findings) assert.equal(target, `127.0.0.1:${open.port}`);
});

test('people get the verdict first, then a table and the mend, on stdout', async (t) => {
  if (!needs(t, 'microsocks')) return;
  const { port } = await openMicrosocks(t);
  const { code, stdout } = await runProcess(process.execPath, [cli, 'audit', `127.0.0.1:${port}`]);
  assert.equal(code, 1);
  assert.match(stdout, new RegExp(`^127\\.0\\.0\\.1:${port} RELAYS: 2 of `));
  assert.match(stdout, /RELAYS +socks5 /);
  assert.match(stdout, /To mend\n/);
});
