/** Real servers in front of pages of their own, as they come: HAProxy and Caddy. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { startProcess } from './process.ts';
import { staticPages } from './static-pages.ts';
import { tempDir } from './temp-dir.ts';
import { onFreePort, type WebServer } from './web-server.ts';

/**
 * HAProxy in front of one HTTP server.
 *
 * @param frontend lines of the frontend
 * @param bind words of its `bind`, such as `proto h2`
 */
export async function plainHaproxy(
  owner: Owner,
  backend: { readonly port: number },
  frontend = '',
  bind = '',
): Promise<WebServer> {
  const dir = await tempDir(owner, 'haproxy');
  const config = join(dir, 'haproxy.cfg');
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    await writeFile(
      config,
      [
        'defaults',
        '  mode http',
        '  timeout connect 2s',
        '  timeout client 10s',
        '  timeout server 10s',
        'frontend web',
        `  bind 127.0.0.1:${port} ${bind}`,
        frontend,
        '  default_backend pages',
        'backend pages',
        `  server one 127.0.0.1:${backend.port}`,
        '',
      ].join('\n'),
    );
    return startProcess(owner, requirePeer('haproxy'), ['-db', '-f', config]);
  });
  return { port, authority: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, dir, process: child };
}

/** Caddy's file server; with `tls`, HTTPS with a certificate of its own making, and HTTP/2. */
export async function plainCaddy(owner: Owner, { tls = false } = {}): Promise<WebServer> {
  const dir = await tempDir(owner, 'caddy');
  const { root } = await staticPages(join(dir, 'htdocs'));
  const config = join(dir, 'Caddyfile');
  const scheme = tls ? 'https' : 'http';
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    await writeFile(
      config,
      [
        '{',
        '  admin off',
        '  auto_https disable_redirects',
        '  skip_install_trust',
        `  storage file_system ${dir}/data`,
        '}',
        `${scheme}://127.0.0.1:${port} {`,
        '  bind 127.0.0.1',
        ...(tls ? ['  tls internal'] : []),
        `  root * ${root}`,
        '  file_server',
        '}',
        '',
      ].join('\n'),
    );
    return startProcess(owner, requirePeer('caddy'), ['run', '--adapter', 'caddyfile', '--config', config], {
      env: { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
    });
  });
  return { port, authority: `127.0.0.1:${port}`, url: `${scheme}://127.0.0.1:${port}`, dir, process: child };
}
