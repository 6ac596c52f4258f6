import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { loadConfig } from '../config/load.ts';
import { makePrivate } from '../events/journal-file.ts';
import { inputError } from './input-error.ts';
import type { Command, JournalOptions } from './options.ts';

/** `sekisho journal backup`: copies the journal, bans included, while the gateway keeps writing to it. */
export const run: Command<JournalOptions> = async ({ config: file, target }) => {
  const { journal } = loadConfig(file);
  if (journal === false || !existsSync(journal.path)) {
    const what = journal === false ? `${file} has no journal` : `${journal.path} does not exist yet`;
    inputError('journal backup', what, 'name the config of a gateway that keeps a journal');
    return 1;
  }
  if (existsSync(target)) {
    inputError('journal backup', `${target} already exists`, 'name a file that does not');
    return 1;
  }
  const folder = dirname(resolve(target));
  if (!existsSync(folder)) {
    inputError('journal backup', `the folder ${folder} does not exist`, `create it: mkdir -p ${folder}`);
    return 1;
  }
  makePrivate(target);
  const source = new DatabaseSync(journal.path, { readOnly: true, timeout: 5000 });
  try {
    await backup(source, target);
  } finally {
    source.close();
  }
  // The copy must not name the running gateway as its holder, or no other could open it.
  const copy = new DatabaseSync(target);
  copy.exec("DELETE FROM meta WHERE name = 'holder'");
  copy.close();
  process.stderr.write(`${journal.path} was copied to ${target}\n`);
  return 0;
};
