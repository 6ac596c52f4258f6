/** The journal's file on the Health page: its size, schema version and write-ahead log. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { version } from '../../src/events/journal-schema.ts';
import { buildDashboard, startBrowser } from '../support/browser.ts';
import { foreign, runCheckpoint } from '../support/checkpoint.ts';
import { login } from '../support/dashboard.ts';
import { tempDir } from '../support/temp-dir.ts';

test('the Health page shows size, version and write-ahead log of the journal', async (t) => {
  buildDashboard();
  const path = join(await tempDir(t, 'journal-status'), 'sekisho.db');
  const { admin, probe, written, json } = await runCheckpoint(
    t,
    `journal: { path: ${path}, maxSize: 64MiB }\n`,
  );
  await probe(foreign());
  await written(1);
  const { journal } = await json<{ journal: Record<string, number> }>('/api/status');
  assert.equal(journal.schema, version);
  assert.equal(journal.wal, statSync(`${path}-wal`).size);
  assert.equal(journal.maxSize, 64 * 1024 * 1024);
  const page = await (await startBrowser(t)).newPage();
  await login(page, admin);
  await page.goto(`${admin}/#/health`);
  const fact = page.getByText(/of 64\.?0? MiB/);
  await fact.waitFor();
  assert.match(
    (await fact.textContent())!,
    new RegExp(`[\\d.]+ [KM]iB of 64\\.?0? MiB, write-ahead log [\\d.]+ [KM]iB, schema ${version}`),
  );
});
