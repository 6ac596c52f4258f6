import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../support/gateway-process.ts';
import { runProcess } from '../support/process.ts';

test('start without arguments names init and --config', async () => {
  const { code, stdout, stderr } = await runProcess(process.execPath, [join(root, 'src/cli.ts'), 'start']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /sekisho init .*--config sekisho\.yaml/);
});
