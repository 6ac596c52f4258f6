/** What is generated, and where it stands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiPage } from './api-page.ts';
import { cliPage } from './cli-page.ts';
import { configPage } from './config-page.ts';
import { logFormatsPage } from './log-formats-page.ts';
import { metricsPage } from './metrics-page.ts';
import { pluginPage } from './plugin-page.ts';
import { rulesPage, rulesTable, rulesTableInJapanese } from './rules-page.ts';

export const root = join(import.meta.dirname, '../..');

/** A part of a page written by hand, between two comments: `<!-- generated: NAME -->` and `<!-- end -->`. */
function filled(path: string, name: string, content: string): string {
  const page = readFileSync(join(root, path), 'utf8');
  const begin = `<!-- generated: ${name} -->`;
  const start = page.indexOf(begin);
  const end = page.indexOf('<!-- end -->', start);
  if (start === -1 || end === -1)
    throw new Error(`${path}: no ${begin} … <!-- end --> to write the ${name} into`);
  return `${page.slice(0, start + begin.length)}\n\n${content}\n\n${page.slice(end)}`;
}

/** Path → what the file must hold. */
export const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/reference/rules.md': rulesPage,
  'docs/reference/config.md': configPage,
  'docs/reference/cli.md': cliPage,
  'docs/reference/api.md': apiPage,
  'docs/reference/log-formats.md': logFormatsPage,
  'docs/reference/metrics.md': metricsPage,
  'docs/reference/plugin.md': pluginPage,
  'README.md': () => filled('README.md', 'rules', rulesTable()),
  'README.ja.md': () => filled('README.ja.md', 'rules', rulesTableInJapanese()),
};
