/** The systemd unit of the examples, as systemd itself reads it. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const program = '/usr/local/bin/sekisho';
/** Exposure times ten: what systemd calls OK ends at 5.0. */
const exposure = 20;

/** The unit, with a program that this machine has. */
async function unit(owner: Owner): Promise<string> {
  const text = readFileSync(join(root, 'config/examples/systemd/sekisho.service'), 'utf8');
  assert.ok(text.includes(`ExecStart=${program} start --config `));
  const path = join(await tempDir(owner, 'systemd'), 'sekisho.service');
  writeFileSync(path, text.replace(program, process.execPath).replace(/^Documentation=.*\n/m, ''));
  return path;
}

suite('the systemd unit', { skip: without('systemd-analyze') }, () => {
  test('has no line that systemd does not understand', async (t) => {
    const { code, stderr } = await runProcess(requirePeer('systemd-analyze'), [
      'verify',
      '--man=no',
      '--recursive-errors=no',
      await unit(t),
    ]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('has a socket unit that fits it', async (t) => {
    const service = await unit(t);
    const socket = join(service, '../sekisho.socket');
    cpSync(join(root, 'config/examples/systemd/sekisho.socket'), socket);
    const args = ['verify', '--man=no', '--recursive-errors=no', socket];
    const { code, stderr } = await runProcess(requirePeer('systemd-analyze'), args);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('leaves the service little that an intruder could use', async (t) => {
    const { code, stdout } = await runProcess(requirePeer('systemd-analyze'), [
      'security',
      '--offline=true',
      `--threshold=${exposure}`,
      '--no-pager',
      await unit(t),
    ]);
    assert.equal(code, 0, stdout);
  });
});
