/** Real servers, with default or given configuration: HAProxy, Caddy, Varnish. */
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { eventually } from './eventually.ts';
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
export function plainHaproxy(
  owner: Owner,
  backend: { readonly port: number },
  frontend = '',
  bind = '',
): Promise<WebServer> {
  return startHaproxy(owner, (port) => [
    'frontend web',
    `  bind 127.0.0.1:${port} ${bind}`,
    frontend,
    '  default_backend pages',
    'backend pages',
    `  server one 127.0.0.1:${backend.port}`,
  ]);
}

/** HAProxy with these sections. */
export async function startHaproxy(
  owner: Owner,
  sections: (port: number) => readonly string[],
): Promise<WebServer> {
  const dir = await tempDir(owner, 'haproxy');
  const config = join(dir, 'haproxy.cfg');
  const { port, process: child } = await onFreePort(owner, async (port, owner) => {
    const defaults = [
      'defaults',
      '  mode http',
      ...['connect 2s', 'client 10s', 'server 10s'].map((one) => `  timeout ${one}`),
    ];
    await writeFile(config, [...defaults, ...sections(port), ''].join('\n'));
    return startProcess(owner, requirePeer('haproxy'), ['-db', '-f', config]);
  });
  return { port, authority: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, dir, process: child };
}

/** Varnish. @param vcl without its version */
export async function startVarnish(owner: Owner, vcl: string): Promise<WebServer> {
  const dir = await tempDir(owner, 'varnish');
  const file = join(dir, 'default.vcl');
  await writeFile(file, `vcl 4.1;\n${vcl}\n`);
  const { port, process: child } = await onFreePort(owner, (port, owner) =>
    startProcess(owner, requirePeer('varnishd'), [
      ...['-F', '-n', join(dir, 'work'), '-a', `127.0.0.1:${port}`, '-f', file, '-s', 'malloc,16m'],
      // Without a jail it compiles as its own user.
      ...['-j', 'none', '-p', 'vsl_space=4m', '-p', 'thread_pool_min=10', '-p', 'thread_pools=1'],
    ]),
  );
  return { port, authority: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, dir, process: child };
}

/** Caddy's file server; with `tls`: HTTPS with a self-made certificate, and HTTP/2. */
export async function plainCaddy(owner: Owner, { tls = false } = {}): Promise<WebServer> {
  const { root } = await staticPages(join(await tempDir(owner, 'caddy-pages'), 'htdocs'));
  const scheme = tls ? 'https' : 'http';
  return startCaddy(
    owner,
    [...(tls ? ['tls internal'] : []), `root * ${root}`, 'file_server'],
    `${scheme}://127.0.0.1`,
  );
}

/** Caddy with one site of these directives. @param site its address without the port; `http://` alone matches every host */
export async function startCaddy(
  owner: Owner,
  directives: readonly string[],
  site = 'http://',
): Promise<WebServer> {
  const dir = await tempDir(owner, 'caddy');
  const config = join(dir, 'Caddyfile');
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
        `${site}:${port} {`,
        '  bind 127.0.0.1',
        ...directives.map((line) => `  ${line}`),
        '}',
        '',
      ].join('\n'),
    );
    return startProcess(owner, requirePeer('caddy'), ['run', '--adapter', 'caddyfile', '--config', config], {
      env: { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
    });
  });
  const scheme = site.split(':')[0]!;
  // With `tls internal` it listens before it has made its certificate.
  if (scheme === 'https')
    await eventually(
      () => completesHandshake(port, site.slice('https://'.length)),
      'Caddy has its certificate',
      20_000,
    );
  return { port, authority: `127.0.0.1:${port}`, url: `${scheme}://127.0.0.1:${port}`, dir, process: child };
}

function completesHandshake(port: number, servername: string): Promise<boolean> {
  return new Promise((done) => {
    const name = isIP(servername) === 0 ? { servername } : {};
    const socket = connect({ port, host: '127.0.0.1', ...name, rejectUnauthorized: false });
    socket.once('secureConnect', () => done(true)).once('error', () => done(false));
    socket.once('secureConnect', () => socket.destroy());
  });
}
