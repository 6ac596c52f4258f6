import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Owner } from '../support/owner.ts';
import { requirePeer } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A self-signed certificate for mx.example.net, made by openssl. */
export async function certificate(owner: Owner): Promise<{ cert: string; key: string }> {
  const folder = await tempDir(owner, 'certificate');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const made = await runProcess(requirePeer('openssl'), [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=mx.example.net', '-keyout', key, '-out', cert],
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
}
