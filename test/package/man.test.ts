/** The manual page: both formatters read it without warnings, and it has every command and flag. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { buildProgram } from '../../src/cli.ts';
import { commandSpec, walk } from '../../src/completion/command-line.ts';
import { manPage } from '../../tools/man.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

suite('the manual page', () => {
  test('is read by mandoc without warnings, and has every command and flag', {
    skip: without('mandoc'),
  }, async (t) => {
    const file = join(await tempDir(t, 'man'), 'sekisho.1');
    writeFileSync(file, manPage('2026-01-31'));
    const lint = await runProcess(requirePeer('mandoc'), ['-T', 'lint', '-W', 'warning', file]);
    assert.equal(lint.stdout + lint.stderr, '');
    const { stdout } = await runProcess(requirePeer('mandoc'), ['-T', 'ascii', '-O', 'width=1000', file]);
    // Bold is written as a letter, a backspace and the letter again.
    const shown = stdout.replace(/.\x08/g, '');
    for (const { path, command } of walk(commandSpec(buildProgram(() => {})))) {
      if (path.length === 0) continue;
      if (command.commands.length === 0)
        assert.match(shown, new RegExp(`^ *sekisho ${path.join(' ')}( |$)`, 'm'));
      for (const { term, description } of command.options)
        if (!term.includes('--help'))
          assert.ok(
            shown.includes(term) && shown.includes(description.replaceAll('…', '...').slice(0, 40)),
            `${path} ${term}`,
          );
    }
    assert.match(shown, /^ *sekisho - checkpoint in front of web and mail servers/m);
  });

  test('is read by groff without warnings', { skip: without('man') }, async (t) => {
    const file = join(await tempDir(t, 'man'), 'sekisho.1');
    writeFileSync(file, manPage('2026-01-31'));
    const { code, stderr, stdout } = await runProcess(
      requirePeer('man'),
      ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', file],
      {
        env: { ...process.env, LC_ALL: 'C.UTF-8', MANROFFSEQ: '', MANWIDTH: '80' },
      },
    );
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(stdout.length > 1000);
  });
});
