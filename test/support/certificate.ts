import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Owner } from './owner.ts';
import { tempDir } from './temp-dir.ts';

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A self-signed certificate for some names, as PEM files that go with their owner. */
export async function certificate(
  owner: Owner,
  names: readonly string[],
  where?: string,
): Promise<TestCertificate> {
  const folder = where ?? (await tempDir(owner, 'certificate'));
  const cert = join(folder, `${names[0]}.pem`);
  const key = join(folder, `${names[0]}.key`);
  const alternatives = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${names[0]}`,
      '-addext',
      `subjectAltName=${alternatives}`,
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'pipe', timeout: 20_000 },
  );
  return { cert, key };
}
