/** Real OpenSMTPD, unpacked beside the machine's own mail server. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { startProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';
import { onFreePort, type WebServer } from './web-server.ts';

/** Its spool and socket have fixed paths: each instance has its own folders there, in a mount namespace. Needs root. */
const ownFolders =
  'mount -t tmpfs none /var/spool && mount -t tmpfs none /run && mkdir -m 711 /var/spool/smtpd && exec "$@"';

/** Starts it for `example.net`, with these lines. */
export async function startOpensmtpd(owner: Owner, lines: readonly string[]): Promise<WebServer> {
  const dir = await tempDir(owner, 'opensmtpd');
  const config = join(dir, 'smtpd.conf');
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    await writeFile(
      config,
      [`listen on 127.0.0.1 port ${port} hostname mx.example.net`, ...lines, ''].join('\n'),
    );
    await chmod(config, 0o600);
    const smtpd = [requirePeer('smtpd'), '-d', '-f', config];
    return startProcess(owner, 'unshare', ['--mount', 'sh', '-c', ownFolders, 'sh', ...smtpd]);
  });
  return { port, authority: `127.0.0.1:${port}`, url: `smtp://127.0.0.1:${port}`, dir, process: child };
}
