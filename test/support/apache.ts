/** Real Apache servers: with any configuration, plain, and openly relaying. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AccessLog, accessLog } from './access-log.ts';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { startProcess } from './process.ts';
import { type StaticPages, staticPages } from './static-pages.ts';
import { tempDir } from './temp-dir.ts';
import { onFreePort, type WebServer } from './web-server.ts';

const moduleFolder = '/usr/lib/apache2/modules';

const baseModules = [
  'mpm_event',
  'authn_core',
  'authz_core',
  'authz_host',
  'mime',
  'dir',
  'alias',
  'headers',
];

export interface ApacheOptions {
  /** Directives, at server level. */
  config: string | ((place: { port: number; dir: string }) => string);
  /** Modules beyond the base ones, without `mod_`: `proxy`, `remoteip`, `dav`, `rewrite`, `security2`, … */
  modules?: readonly string[];
  /** Milliseconds after which it is killed. @default that of `startProcess` */
  timeout?: number;
}

export interface ApacheServer extends WebServer, StaticPages {
  /** Combined log format. */
  readonly accessLog: AccessLog;
  readonly errorLog: AccessLog;
}

/** Starts Apache on 127.0.0.1 with the given configuration; its own static pages are served under `/`. */
export async function startApache(owner: Owner, options: ApacheOptions): Promise<ApacheServer> {
  const binary = requirePeer('apache2');
  const dir = await tempDir(owner, 'apache');
  const pages = await staticPages(join(dir, 'htdocs'));
  const config = join(dir, 'apache2.conf');
  const modules = [...new Set([...baseModules, ...(options.modules ?? [])])];
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    const body = typeof options.config === 'string' ? options.config : options.config({ port, dir });
    await writeFile(config, configuration({ port, dir, root: pages.root, modules, body }));
    return startProcess(owner, binary, ['-d', dir, '-f', config, '-DFOREGROUND'], {
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    });
  });
  return {
    ...pages,
    port,
    authority: `127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}`,
    dir,
    process: child,
    accessLog: accessLog(join(dir, 'access.log')),
    errorLog: accessLog(join(dir, 'error.log')),
  };
}

/** Apache that serves its own pages and nothing else. */
export function plainApache(owner: Owner): Promise<ApacheServer> {
  return startApache(owner, { config: '' });
}

/** Apache with an unrestricted `ProxyRequests On`: fetches any URL, tunnels to any port, mail included. */
export function openProxyApache(owner: Owner): Promise<ApacheServer> {
  return startApache(owner, {
    modules: ['proxy', 'proxy_http', 'proxy_connect'],
    config: [
      'ProxyRequests On',
      'ProxyVia Off',
      'ProxyTimeout 5',
      'AllowCONNECT 25 80 443 1024-65535',
      '<Proxy *>',
      '  Require all granted',
      '</Proxy>',
    ].join('\n'),
  });
}

interface Place {
  port: number;
  dir: string;
  root: string;
  modules: readonly string[];
  body: string;
}

function configuration({ port, dir, root, modules, body }: Place): string {
  return [
    // Debian compiles some modules in: those have no file to load.
    ...modules
      .map((name) => ({ name, file: join(moduleFolder, `mod_${name}.so`) }))
      .filter(({ file }) => existsSync(file))
      .map(({ name, file }) => `LoadModule ${name}_module ${file}`),
    // Apache refuses to serve as root; started by another user it can't change the user.
    ...(process.getuid?.() === 0 ? ['User www-data', 'Group www-data'] : []),
    'ServerName www.example.net',
    `Listen 127.0.0.1:${port}`,
    `DefaultRuntimeDir "${dir}"`,
    `PidFile "${dir}/apache2.pid"`,
    'StartServers 1',
    'ThreadsPerChild 25',
    'ServerLimit 4',
    'MaxRequestWorkers 100',
    'MinSpareThreads 1',
    'MaxSpareThreads 100',
    'GracefulShutdownTimeout 1',
    `ErrorLog "${dir}/error.log"`,
    'LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" combined',
    `CustomLog "${dir}/access.log" combined`,
    `DocumentRoot "${root}"`,
    'DirectoryIndex index.html',
    'TypesConfig /etc/mime.types',
    '<Directory />',
    '  Require all denied',
    '</Directory>',
    `<Directory "${root}">`,
    '  Require all granted',
    '</Directory>',
    body,
    '',
  ].join('\n');
}
