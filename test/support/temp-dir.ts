import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Owner } from './owner.ts';

/** A new folder, removed with its owner. Readable by others: workers drop root before they serve from it. */
export async function tempDir(owner: Owner, name = 'test'): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), `sekisho-${name}-`));
  // A server that is still closing may write again during the removal: rm retries.
  owner.after(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  await chmod(path, 0o755);
  return path;
}
