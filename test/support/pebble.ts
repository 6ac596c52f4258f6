/** Pebble, Let's Encrypt's test server for ACME clients, on loopback: every name resolves to 127.0.0.1. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificate } from './certificate.ts';
import { freePort } from './free-port.ts';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

export interface Pebble {
  readonly directory: string;
  /** PEM file of the CA of its own server. */
  readonly ca: string;
  /** PEM file of the key of its server. */
  readonly key: string;
  /** Port where it validates challenges. */
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly process: RunningProcess;
}

/** @param externalAccount the key it asks new accounts for. @default none */
export async function startPebble(
  owner: Owner,
  { externalAccount }: { readonly externalAccount?: { readonly id: string; readonly key: string } } = {},
): Promise<Pebble> {
  const folder = await tempDir(owner, 'pebble');
  const { cert, key } = await certificate(owner, ['localhost']);
  const [port, management, httpPort, tlsPort, dns, names] = await Promise.all(
    Array.from({ length: 6 }, () => freePort()),
  );
  const config = join(folder, 'pebble.json');
  await writeFile(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: cert,
        privateKey: key,
        httpPort,
        tlsPort,
        ocspResponderURL: '',
        externalAccountBindingRequired: externalAccount !== undefined,
        ...(externalAccount === undefined
          ? {}
          : { externalAccountMACKeys: { [externalAccount.id]: externalAccount.key } }),
      },
    }),
  );
  const nothing = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', ''];
  await startProcess(owner, requirePeer('pebble-challtestsrv'), [
    ...nothing,
    '-dns01',
    `127.0.0.1:${dns}`,
    '-management',
    `127.0.0.1:${names}`,
  ]);
  const args = ['-config', config, '-dnsserver', `127.0.0.1:${dns}`];
  const process = await startProcess(owner, requirePeer('pebble'), args, {
    // Rejects a nonce now and then, as the real one does; validates without delay.
    env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '20' },
  });
  await process.waitForPort(port!);
  return {
    directory: `https://localhost:${port}/dir`,
    ca: cert,
    key,
    httpPort: httpPort!,
    tlsPort: tlsPort!,
    process,
  };
}
