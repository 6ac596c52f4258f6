/** Real proxies, open as careless people leave them: squid, tinyproxy, microsocks, dante. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { startProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';
import { onFreePort, type WebServer } from './web-server.ts';

type Start = (port: number, dir: string) => Promise<{ config: string; command: string; args: string[] }>;

async function start(owner: Owner, name: string, prepare: Start): Promise<WebServer> {
  const dir = await tempDir(owner, name);
  // squid writes its logs as a user of its own.
  await chmod(dir, 0o777);
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    const { config, command, args } = await prepare(port, dir);
    await writeFile(join(dir, `${name}.conf`), config);
    return startProcess(owner, requirePeer(command), args);
  });
  return { port, authority: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, dir, process: child };
}

/** squid with `http_access allow all`; it keeps nothing on disk. */
export const openSquid = (owner: Owner): Promise<WebServer> =>
  start(owner, 'squid', async (port, dir) => ({
    command: 'squid',
    // Its own service name: two squids of one name share, and fight for, memory segments.
    args: ['-N', '-n', `sekisho${port}`, '-f', join(dir, 'squid.conf')],
    config: [
      `http_port 127.0.0.1:${port}`,
      `pid_filename ${dir}/squid.pid`,
      `access_log stdio:${dir}/access.log`,
      `cache_log ${dir}/cache.log`,
      `coredump_dir ${dir}`,
      'cache_store_log none',
      'cache deny all',
      'cache_mem 8 MB',
      'pinger_enable off',
      'icp_port 0',
      'shutdown_lifetime 0 seconds',
      'visible_hostname proxy.example.net',
      'http_access allow all',
      '',
    ].join('\n'),
  }));

/** tinyproxy without an `Allow` line: everybody may. */
export const openTinyproxy = (owner: Owner): Promise<WebServer> =>
  start(owner, 'tinyproxy', async (port, dir) => ({
    command: 'tinyproxy',
    args: ['-d', '-c', join(dir, 'tinyproxy.conf')],
    config: [`Port ${port}`, 'Listen 127.0.0.1', 'Timeout 10', 'MaxClients 50', ''].join('\n'),
  }));

/** microsocks without a user. */
export const openMicrosocks = (owner: Owner): Promise<WebServer> =>
  start(owner, 'microsocks', async (port) => ({
    command: 'microsocks',
    args: ['-i', '127.0.0.1', '-p', String(port)],
    config: '',
  }));

/** dante that lets everybody through, SOCKS4 included. */
export const openDante = (owner: Owner): Promise<WebServer> =>
  start(owner, 'dante', async (port, dir) => {
    return {
      command: 'danted',
      args: ['-f', join(dir, 'dante.conf'), '-p', join(dir, 'dante.pid')],
      config: [
        'logoutput: stderr',
        `internal: 127.0.0.1 port = ${port}`,
        'external: 127.0.0.1',
        'socksmethod: none',
        'clientmethod: none',
        'client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }',
        'socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }',
        '',
      ].join('\n'),
    };
  });
