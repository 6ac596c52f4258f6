/** Real proxies: squid, tinyproxy, microsocks, dante, privoxy; with a configuration, or open to everybody. */
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
  // squid writes its logs as its own user.
  await chmod(dir, 0o777);
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    const { config, command, args } = await prepare(port, dir);
    await writeFile(join(dir, `${name}.conf`), config);
    return startProcess(owner, requirePeer(command), args);
  });
  return { port, authority: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, dir, process: child };
}

/** squid without a disk cache. @param lines its access rules; @param port words of its `http_port` */
export const startSquid = (owner: Owner, lines: readonly string[], words = ''): Promise<WebServer> =>
  start(owner, 'squid', async (port, dir) => ({
    command: 'squid',
    // Its own service name: two squids with one name share memory segments and conflict.
    args: ['-N', '-n', `sekisho${port}`, '-f', join(dir, 'squid.conf')],
    config: [
      `http_port 127.0.0.1:${port} ${words}`,
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
      ...lines,
      '',
    ].join('\n'),
  }));

/** squid with `http_access allow all`. */
export const openSquid = (owner: Owner): Promise<WebServer> => startSquid(owner, ['http_access allow all']);

/** tinyproxy with these lines. */
export const startTinyproxy = (owner: Owner, lines: readonly string[]): Promise<WebServer> =>
  start(owner, 'tinyproxy', async (port, dir) => ({
    command: 'tinyproxy',
    args: ['-d', '-c', join(dir, 'tinyproxy.conf')],
    config: [`Port ${port}`, 'Listen 127.0.0.1', 'Timeout 10', 'MaxClients 50', ...lines, ''].join('\n'),
  }));

/** tinyproxy without an `Allow` line: open to everybody. */
export const openTinyproxy = (owner: Owner): Promise<WebServer> => startTinyproxy(owner, []);

/** microsocks. @param args such as `-u USER -P PASSWORD` */
export const startMicrosocks = (owner: Owner, args: readonly string[]): Promise<WebServer> =>
  start(owner, 'microsocks', async (port) => ({
    command: 'microsocks',
    args: ['-i', '127.0.0.1', '-p', String(port), ...args],
    config: '',
  }));

/** microsocks without a user. */
export const openMicrosocks = (owner: Owner): Promise<WebServer> => startMicrosocks(owner, []);

/** dante. @param rules its `client` and `socks` rules */
export const startDante = (owner: Owner, rules: readonly string[]): Promise<WebServer> =>
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
        ...rules,
        '',
      ].join('\n'),
    };
  });

/** dante open to everybody, SOCKS4 included. */
export const openDante = (owner: Owner): Promise<WebServer> =>
  startDante(owner, [
    'client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }',
    'socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }',
  ]);

/** privoxy, open to everybody without `permit-access`. */
export const startPrivoxy = (owner: Owner, lines: readonly string[]): Promise<WebServer> =>
  start(owner, 'privoxy', async (port, dir) => ({
    command: 'privoxy',
    args: ['--no-daemon', join(dir, 'privoxy.conf')],
    config: [`listen-address 127.0.0.1:${port}`, 'confdir /etc/privoxy', `logdir ${dir}`, ...lines, ''].join(
      '\n',
    ),
  }));
