/** A watch reports each change of a file once, and none that a writer has not finished. */
import assert from 'node:assert/strict';
import { renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FileWatch } from '../src/file-watch.ts';
import { eventually } from './support/eventually.ts';
import { tempDir } from './support/temp-dir.ts';

const interval = 20;

async function watched(t: TestContext, named = 'one', prepare: (folder: string) => void = () => {}) {
  const folder = await tempDir(t, 'file-watch');
  const file = join(folder, 'one');
  writeFileSync(file, 'before');
  prepare(folder);
  let changes = 0;
  const watch = new FileWatch([join(folder, named), join(folder, 'two')], () => changes++);
  t.after(() => watch.close());
  return { file, watch, changes: () => changes };
}

suite('a watched file', () => {
  test('replaced between the creation and the start of the watch: the change is reported', async (t) => {
    const { file, watch, changes } = await watched(t);
    writeFileSync(`${file}.new`, 'behind');
    renameSync(`${file}.new`, file);
    watch.start(interval);
    await eventually(() => changes() === 1, 'the change is reported');
  });

  test('replaced, changed in place, deleted, created again: each change is reported once', async (t) => {
    const { file, watch, changes } = await watched(t);
    watch.start(interval);
    const steps = [
      () => writeFileSync(file, 'longer than before'),
      () => {
        writeFileSync(`${file}.new`, 'replaced');
        renameSync(`${file}.new`, file);
      },
      () => rmSync(file),
      () => writeFileSync(file, 'back'),
    ];
    for (const [done, step] of steps.entries()) {
      step();
      await eventually(() => changes() === done + 1, `change ${done}`);
      await delay(interval * 5);
      assert.equal(changes(), done + 1);
    }
  });

  test('changed to the same length with its mtime set back: the change is reported', async (t) => {
    const { file, watch, changes } = await watched(t, 'one', (folder) =>
      utimesSync(join(folder, 'one'), 1, 1),
    );
    watch.start(interval);
    writeFileSync(file, 'behind');
    utimesSync(file, 1, 1);
    await eventually(() => changes() === 1, 'the change is reported');
  });

  for (const [what, change] of [
    ['behind a link', (folder) => writeFileSync(join(folder, 'one'), 'longer than before')],
    [
      'behind a link that is changed to another file',
      (folder) => {
        writeFileSync(join(folder, 'other'), 'before');
        symlinkSync('other', join(folder, 'link.new'));
        renameSync(join(folder, 'link.new'), join(folder, 'link'));
      },
    ],
  ] satisfies [string, (folder: string) => void][])
    test(`${what}: the change is reported`, async (t) => {
      const { file, watch, changes } = await watched(t, 'link', (folder) =>
        symlinkSync('one', join(folder, 'link')),
      );
      watch.start(interval);
      change(dirname(file));
      await eventually(() => changes() === 1, 'the change is reported');
    });

  test('the second of two: its change is reported', async (t) => {
    const { file, watch, changes } = await watched(t);
    watch.start(interval);
    writeFileSync(join(dirname(file), 'two'), 'new');
    await eventually(() => changes() === 1, 'the change is reported');
  });

  test('changing at every poll: nothing is reported until two polls have found it unchanged', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { file, watch, changes } = await watched(t);
    watch.start(1);
    for (let i = 0; i < 5; i++) {
      writeFileSync(file, String(i));
      t.mock.timers.tick(1);
      await delay(interval);
    }
    assert.equal(changes(), 0);
    let polls = 0;
    await eventually(async () => {
      t.mock.timers.tick(1);
      polls++;
      await delay(interval);
      return changes() === 1;
    }, 'the change is reported');
    assert.ok(polls > 1, String(polls));
  });

  test('after close(): nothing is reported, not even by a poll in progress', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { file, watch, changes } = await watched(t);
    watch.start(1);
    writeFileSync(file, 'longer than before');
    for (const last of [false, false, true, true]) {
      t.mock.timers.tick(1);
      if (last) watch.close();
      await delay(interval * 2);
    }
    assert.equal(changes(), 0);
  });
});
