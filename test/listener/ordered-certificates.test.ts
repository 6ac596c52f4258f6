/** Ordered certificates may arrive at any time while the listener runs. */
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { Certificates } from '../../src/listener/certificates.ts';
import { certificate } from '../support/certificate.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const made = await certificate(owner, ['www.example.net']);

test('a certificate that arrives right after a read is in use after the next poll', async () => {
  const folder = await tempDir(owner, 'ordered');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  mock.timers.enable({ apis: ['setInterval'] });
  after(() => mock.timers.reset());
  const told: unknown[] = [];
  let reloads = 0;
  const certificates = new Certificates([{ cert, key, ordered: true }], {
    onError: (error) => told.push(error),
    onReload: () => reloads++,
  });
  after(() => certificates.close());
  assert.equal(certificates.contextFor('www.example.net'), undefined);
  assert.deepEqual(certificates.standard.cert, []);
  mock.timers.tick(5000);
  assert.equal(reloads, 0, 'a missing file does not cause reloads');
  await cp(made.key, key);
  await cp(made.cert, cert);
  mock.timers.tick(5000);
  assert.equal(reloads, 1);
  assert.equal((certificates.standard.cert as Buffer[]).length, 1);
  mock.timers.tick(5000);
  assert.deepEqual([reloads, told], [1, []]);
});
