/** The example systemd unit, checked by systemd itself. */
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
/** Exposure level times ten; systemd calls up to 5.0 OK. */
const exposure = 20;

/** The unit, with a program that exists on this machine. */
async function unit(owner: Owner): Promise<string> {
  const text = readFileSync(join(root, 'config/examples/systemd/sekisho.service'), 'utf8');
  assert.ok(text.includes(`ExecStart=${program} start --config `));
  const path = join(await tempDir(owner, 'systemd'), 'sekisho.service');
  writeFileSync(path, text.replace(program, process.execPath).replace(/^Documentation=.*\n/m, ''));
  return path;
}

suite('the systemd unit', { skip: without('systemd-analyze') }, () => {
  test('has only lines that systemd understands', async (t) => {
    const { code, stderr } = await runProcess(requirePeer('systemd-analyze'), [
      'verify',
      '--man=no',
      '--recursive-errors=no',
      await unit(t),
    ]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('has a matching socket unit', async (t) => {
    const service = await unit(t);
    const socket = join(service, '../sekisho.socket');
    cpSync(join(root, 'config/examples/systemd/sekisho.socket'), socket);
    const args = ['verify', '--man=no', '--recursive-errors=no', socket];
    const { code, stderr } = await runProcess(requirePeer('systemd-analyze'), args);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('gives the service few privileges', async (t) => {
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
