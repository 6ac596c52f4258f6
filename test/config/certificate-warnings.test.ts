/** Warnings about certificate files. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificateWarnings } from '../../src/config/certificate-warnings.ts';
import { parseConfig } from '../../src/config/load.ts';
import { Authority, type IssueOptions } from '../support/ocsp.ts';
import { tempDir } from '../support/temp-dir.ts';

test('a certificate that cannot be stapled as it demands, or expires soon, gets one warning', async (t) => {
  const folder = await tempDir(t, 'certificates');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const make = (...more: string[]): void => {
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
    const args = ['req', '-x509', ...kind, '-subj', '/CN=www.example.net', '-keyout', key, '-out', cert];
    execFileSync('openssl', [...args, ...more], { stdio: 'pipe', timeout: 20_000 });
  };
  const tls = `tls: { cert: "${cert}", key: "${key}" }`;
  const warnings = (days = 0): string[] =>
    certificateWarnings(
      parseConfig(
        `listen: [{ address: "127.0.0.1:8443", ${tls} }]\nsites: [{ hosts: [www.example.net], backend: welcome }]\n` +
          `admin: { listen: "127.0.0.1:9090", token: 0123456789abcdef0123, ${tls} }\n`,
        '.',
      ),
      Date.now() + days * 86_400_000,
    );
  make();
  assert.deepEqual(warnings(), []);
  assert.deepEqual(warnings(20), [`listen[0].tls: ${cert} expires in 9 days: check what renews it`]);
  assert.deepEqual(warnings(31.5), [`listen[0].tls: ${cert} expired 2 days ago: check what renews it`]);
  make('-addext', 'tlsfeature=status_request');
  assert.equal(warnings().length, 1);
  assert.match(
    warnings()[0]!,
    /^listen\[0\]\.tls: .* \(must-staple\), and none can be sent, .* names no OCSP responder/,
  );
  const authority = await Authority.create(t);
  const use = (options: IssueOptions): void => {
    const issued = authority.issue('www.example.net', options);
    for (const [from, to] of [
      [issued.cert, cert],
      [issued.key, key],
    ] as const)
      copyFileSync(from, to);
  };
  const responder = 'http://ocsp.example.net/';
  use({ responder });
  // Their two days are too short, which is another warning.
  const about = () => warnings().filter((line) => line.includes('must-staple'));
  assert.deepEqual(about(), []);
  use({ responder, withIssuer: false });
  assert.match(about().join('\n'), /must-staple.* no certificate of its issuer: use the full chain$/);
  use({ responder: 'https://ocsp.example.net/' });
  assert.match(about().join('\n'), /names no OCSP responder with an http: address/);
  use({ staple: false });
  assert.deepEqual(about(), []);
});
