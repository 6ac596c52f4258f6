/** Real Postfix: a private instance in a temporary folder, which never delivers anything. */
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { runProcess, startProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';
import { onFreePort, type WebServer } from './web-server.ts';

export interface PostfixOptions {
  /** Lines of `main.cf`, which override the ones here. */
  readonly config?: readonly string[];
}

/** An open mail relay. */
export const openRelayPostfix = (owner: Owner): Promise<WebServer> =>
  startPostfix(owner, { config: ['mynetworks = 0.0.0.0/0', 'allow_untrusted_routing = yes'] });

/** Postfix's default restrictions, with loopback as untrusted as the internet. */
export const defaultPostfix = (owner: Owner): Promise<WebServer> =>
  startPostfix(owner, { config: ['mynetworks = 192.0.2.1/32'] });

/** Starts Postfix for `example.net` on 127.0.0.1. Accepted mail stays in its queue. Needs root. */
export async function startPostfix(owner: Owner, options: PostfixOptions = {}): Promise<WebServer> {
  const dir = await tempDir(owner, 'postfix');
  const queue = join(dir, 'queue');
  const data = join(dir, 'data');
  const user = Number((await runProcess('id', ['-u', 'postfix'])).stdout);
  const { stdout: folder } = await runProcess(requirePeer('postconf'), ['-dh', 'daemon_directory']);
  const daemons = folder.trim();
  for (const folder of [data, ...queueFolders.map((name) => join(queue, name))]) {
    await mkdir(folder, { recursive: true });
    await chown(folder, user, 0);
  }
  await writeFile(
    join(dir, 'main.cf'),
    [
      'compatibility_level = 3.6',
      `queue_directory = ${queue}`,
      `data_directory = ${data}`,
      `maillog_file = ${dir}/mail.log`,
      `maillog_file_prefixes = ${dir}`,
      'myhostname = mx.example.net',
      'mydomain = example.net',
      'mydestination = example.net, mx.example.net, localhost',
      'alias_maps =',
      'inet_protocols = ipv4',
      // A reverse look-up of 127.0.0.1 would leave the machine.
      'smtpd_peername_lookup = no',
      'defer_transports = smtp, local',
      ...(options.config ?? []),
      '',
    ].join('\n'),
  );
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    await writeFile(join(dir, 'master.cf'), services(port));
    // Not the script `postfix`: it takes seconds and would leave the daemon running.
    return startProcess(owner, join(daemons, 'master'), ['-c', dir, '-s'], { env: { MAIL_CONFIG: dir } });
  });
  return {
    port,
    authority: `127.0.0.1:${port}`,
    url: `smtp://127.0.0.1:${port}`,
    dir,
    process: child,
  };
}

const queueFolders = [
  ...['active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'maildrop'],
  ...['pid', 'private', 'public', 'saved', 'trace'],
];

/** Without chroots, whose files a temporary folder lacks. */
const services = (port: number): string =>
  [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'retry unix - - n - - error',
    'error unix - - n - - error',
    'proxymap unix - - n - - proxymap',
    'anvil unix - - n - 1 anvil',
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n');
