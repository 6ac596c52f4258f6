/** The real servers as reverse proxies, each with and without its export. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfig } from '../../src/config/load.ts';
import type { TargetName } from '../../src/export/names.ts';
import { exportSource } from '../../src/export/source.ts';
import type { Source } from '../../src/export/target.ts';
import { targets } from '../../src/export/targets.ts';
import type { AccessLog } from '../support/access-log.ts';
import { startApache } from '../support/apache.ts';
import { corpusConfig } from '../support/gateway.ts';
import { startNginx } from '../support/nginx.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer } from '../support/peers.ts';
import { plainHaproxy } from '../support/plain-servers.ts';
import { startProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { onFreePort } from '../support/web-server.ts';

const source = exportSource(
  parseConfig(`listen: ["127.0.0.1:8080"]\n${corpusConfig('http://127.0.0.1:1')}`, '.'),
);

/** One probe is enough for a ban. */
export const strictlyBanning: Source = { ...source, bans: { ...source.bans!, after: 1 } };

/** The parts of a target for the policy of the corpus, by name. */
export const partsOf = (target: TargetName, from = source): Record<string, string> =>
  Object.fromEntries(targets[target].parts(from).map(({ name, text }) => [name, text]));

export interface ExportServer {
  readonly target: TargetName;
  readonly title: string;
  readonly peer: string;
  /** Starts the server in front of the backend. */
  start(
    owner: Owner,
    backend: number,
    exported: boolean,
    how?: {
      /** Speaks HTTP/2 without TLS. */
      readonly http2?: boolean;
      /** @default the policy of the corpus */
      readonly from?: Source;
    },
  ): Promise<{ readonly port: number; readonly dir?: string; readonly accessLog?: AccessLog }>;
}

const nginx: ExportServer = {
  target: 'nginx',
  title: 'nginx',
  peer: 'nginx',
  start(owner, backend, exported, { http2 = false, from = source } = {}) {
    const parts = partsOf('nginx', from);
    return startNginx(owner, {
      config: ({ port, dir }) => `
        ${exported ? parts.http : ''}
        server {
          listen 127.0.0.1:${port} default_server${http2 ? ' http2' : ''};
          ${exported ? `access_log ${dir}/access.log sekisho;\n${parts.server}` : ''}
          location / { proxy_pass http://127.0.0.1:${backend}; proxy_set_header Host www.example.net; }
        }`,
    });
  },
};

const apache: ExportServer = {
  target: 'apache',
  title: 'Apache',
  peer: 'apache2',
  start(owner, backend, exported, { http2 = false, from = source } = {}) {
    return startApache(owner, {
      modules: ['setenvif', 'proxy', 'proxy_http', ...(http2 ? ['http2'] : [])],
      // A virtual host, which must inherit the rules.
      config: ({ port, dir }) =>
        [
          exported ? partsOf('apache', from).conf! : '',
          http2 ? 'Protocols h2c' : '',
          `<VirtualHost *:${port}>`,
          '  ServerName www.example.net',
          exported ? `  CustomLog ${dir}/access.log sekisho` : '',
          `  ProxyPass / http://127.0.0.1:${backend}/`,
          '</VirtualHost>',
        ].join('\n'),
    });
  },
};

const haproxy: ExportServer = {
  target: 'haproxy',
  title: 'HAProxy',
  peer: 'haproxy',
  start(owner, backend, exported, { http2 = false, from = source } = {}) {
    return plainHaproxy(
      owner,
      { port: backend },
      exported ? partsOf('haproxy', from).frontend! : '',
      http2 ? 'proto h2' : '',
    );
  },
};

const caddy: ExportServer = {
  target: 'caddy',
  title: 'Caddy',
  peer: 'caddy',
  async start(owner, backend, exported, { http2 = false, from = source } = {}) {
    const dir = await tempDir(owner, 'caddy');
    const file = join(dir, 'Caddyfile');
    return onFreePort(owner, async (port, owner) => {
      await writeFile(
        file,
        [
          '{',
          '  admin off',
          '  auto_https off',
          `  storage file_system ${dir}`,
          http2 ? '  servers {\n    protocols h1 h2c\n  }' : '',
          '  order error first',
          '  order abort first',
          '}',
          exported ? partsOf('caddy', from).snippet! : '',
          `http://:${port} {`,
          '  bind 127.0.0.1',
          exported ? '  import sekisho' : '',
          // Runs before `error` in Caddy's default order.
          `  handle {`,
          `    reverse_proxy 127.0.0.1:${backend}`,
          '  }',
          '}',
          '',
        ].join('\n'),
      );
      return startProcess(owner, requirePeer('caddy'), ['run', '--adapter', 'caddyfile', '--config', file], {
        env: { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
      });
    });
  },
};

export const servers: readonly ExportServer[] = [nginx, apache, haproxy, caddy];
