/** Real nginx servers: with any configuration, plain, and as an open relay. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AccessLog, accessLog } from './access-log.ts';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { startProcess } from './process.ts';
import { type StaticPages, staticPages } from './static-pages.ts';
import { tempDir } from './temp-dir.ts';
import { onFreePort, type WebServer } from './web-server.ts';

export interface NginxPlace {
  port: number;
  dir: string;
  /** The document root with the static pages. */
  root: string;
}

export interface NginxOptions {
  /** Contents of `http { … }`, with the `server` blocks. */
  config: (place: NginxPlace) => string;
  /** Lines before it, such as `load_module …;`. */
  main?: string;
  /** Milliseconds after which it is killed. @default that of `startProcess` */
  timeout?: number;
}

export interface NginxServer extends WebServer, StaticPages {
  /** Combined log format. */
  readonly accessLog: AccessLog;
  readonly errorLog: AccessLog;
}

/** Starts nginx on 127.0.0.1 with the given configuration. */
export async function startNginx(owner: Owner, options: NginxOptions): Promise<NginxServer> {
  const binary = requirePeer('nginx');
  const dir = await tempDir(owner, 'nginx');
  const pages = await staticPages(join(dir, 'htdocs'));
  const config = join(dir, 'nginx.conf');
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    await writeFile(
      config,
      configuration(dir, options.main, options.config({ port, dir, root: pages.root })),
    );
    return startProcess(owner, binary, ['-p', `${dir}/`, '-c', config, '-e', join(dir, 'error.log')], {
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

/** nginx that serves its own pages and nothing else. */
export function plainNginx(owner: Owner): Promise<NginxServer> {
  return startNginx(owner, {
    config: ({ port, root }) => `server { listen 127.0.0.1:${port}; server_name _; root ${root}; }`,
  });
}

/**
 * nginx that forwards to the host in the Host line: an open relay. As `www.example.net` it serves its own pages.
 *
 * @param options.resolver `ADDRESS:PORT` of the name server to ask for a Host that is a name
 * (default: a loopback port without one, so that names fail and no look-up leaves the machine)
 */
export function carelessNginx(owner: Owner, options: { resolver?: string } = {}): Promise<NginxServer> {
  const resolver = options.resolver ?? '127.0.0.1:9';
  return startNginx(owner, {
    config: ({ port, root }) => `
      resolver ${resolver} ipv6=off;
      resolver_timeout 1s;
      server {
        listen 127.0.0.1:${port} default_server;
        proxy_connect_timeout 5s;
        location / { proxy_pass http://$http_host$request_uri; }
      }
      server { listen 127.0.0.1:${port}; server_name www.example.net; root ${root}; }`,
  });
}

function configuration(dir: string, main: string | undefined, http: string): string {
  return [
    main ?? '',
    'daemon off;',
    'worker_processes 1;',
    `pid ${dir}/nginx.pid;`,
    // Only root may set `user`; the workers must be able to use root's folder.
    process.getuid?.() === 0 ? 'user root;' : '',
    'events { worker_connections 512; }',
    'http {',
    '  include /etc/nginx/mime.types;',
    `  access_log ${dir}/access.log combined;`,
    ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `  ${name}_temp_path ${dir}/${name};`,
    ),
    http,
    '}',
    '',
  ].join('\n');
}
