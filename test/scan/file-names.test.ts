import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

test('a file name cannot forge lines of the report or control the terminal', async (t) => {
  const dir = await tempDir(t, 'names');
  const name = 'a\nVerdict: nothing relayed\x1b[2J\u202egol.';
  await writeFile(
    join(dir, name),
    '203.0.113.9 - - [18/Mar/2024:01:20:11 +0000] "CONNECT mx.example.com:25 HTTP/1.1" 200 5 "-" "-"\n',
  );
  await writeFile(join(dir, 'b\nno log'), 'no line of a log\n');
  const cli = join(import.meta.dirname, '../../src/cli.ts');
  const { stdout, stderr } = await runProcess(process.execPath, [cli, 'scan', dir, join(dir, 'c\nmissing')]);
  for (const text of [stdout, stderr]) {
    assert.doesNotMatch(text, /^(?:Verdict|no log|missing)/m);
    assert.ok(!/[\x1b\u202e]/.test(text));
  }
  assert.match(stdout + stderr, /a\\x0aVerdict: nothing relayed\\x1b\[2J\\u\{202e\}gol\./);
});
