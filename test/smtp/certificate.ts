import { join } from 'node:path';
import type { CertificateFiles } from '../../src/listener/certificates.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Files of a self-signed certificate, made by openssl. */
export async function certificate(owner: Owner, name = 'mx.example.net'): Promise<CertificateFiles[]> {
  const folder = await tempDir(owner, 'certificate');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const made = await runProcess(requirePeer('openssl'), [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', key, '-out', cert],
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  return [{ cert, key }];
}
