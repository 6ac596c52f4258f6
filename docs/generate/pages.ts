/** The generated files. */
import { join } from 'node:path';
import { apiPage } from './api-page.ts';
import { cliPage } from './cli-page.ts';
import { configPage } from './config-page.ts';
import { logFormatsPage } from './log-formats-page.ts';
import { metricsPage } from './metrics-page.ts';
import { pluginPage } from './plugin-page.ts';
import { roomsPicture } from './rooms-picture.ts';
import { rulesInJapanesePage, rulesPage } from './rules-page.ts';

export const root = join(import.meta.dirname, '../..');

/** Path → content of the file. */
export const pages: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/reference/rules.md': rulesPage,
  'docs/reference/rules.ja.md': rulesInJapanesePage,
  'docs/reference/config.md': configPage,
  'docs/reference/cli.md': cliPage,
  'docs/reference/api.md': apiPage,
  'docs/reference/log-formats.md': logFormatsPage,
  'docs/reference/metrics.md': metricsPage,
  'docs/reference/plugin.md': pluginPage,
  'docs/images/rooms.svg': roomsPicture,
};
