/** The proxies that Sekisho is measured against, if installed, each configured as its users would for one backend. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/support/free-port.ts';
import { peer } from '../test/support/peers.ts';
import { loadCore, type Pinned, pinned, proxyCore } from './pinned.ts';

/** Starts a peer in front of the backend; null if it is not installed. */
export type Peer = (backend: number) => Promise<Pinned | null>;

const root = join(import.meta.dirname, '..');
const folder = async (): Promise<string> => mkdtemp(join(tmpdir(), 'sekisho-bench-'));
const config = async (name: string, text: string): Promise<string> => {
  const path = join(await folder(), name);
  await writeFile(path, text);
  return path;
};

/** nginx with fixed responses of three sizes, faster than any of the proxies; `/sink` reads the request body to its end first. */
export async function backendServer(): Promise<Pinned> {
  const port = await freePort();
  const dir = await folder();
  await mkdir(join(dir, 'www'));
  for (const [name, bytes] of [
    ['200', 200],
    ['10k', 10_240],
    ['1m', 1_048_576],
  ] as const) {
    await writeFile(join(dir, 'www', name), 'a'.repeat(bytes));
  }
  const text = nginxConfig(
    dir,
    `sendfile on; open_file_cache max=10; server { listen 127.0.0.1:${port} backlog=4096; root ${dir}/www; default_type text/plain; client_max_body_size 0; client_body_buffer_size 8m; error_page 405 =200 $uri; location /post { return 200 '${'a'.repeat(200)}'; } location = /sink { proxy_pass http://127.0.0.1:${port}/200; } }`,
  );
  return pinned('backend', loadCore, port, ['nginx', '-c', await config('backend.conf', text)]);
}

const nginxConfig = (dir: string, http: string, load = ''): string =>
  `${load}\nuser root; daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr crit; events { worker_connections 8192; }\nhttp { access_log off; keepalive_requests 1000000000; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s; ${http} }`;

const nginxProxy = (port: number, backend: number, more = ''): string =>
  `upstream b { server 127.0.0.1:${backend}; keepalive 256; keepalive_requests 1000000000; } server { listen 127.0.0.1:${port} backlog=4096; ${more} client_max_body_size 0; location / { proxy_pass http://b; proxy_request_buffering off; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } }`;

async function nginx(backend: number): Promise<Pinned | null> {
  if (peer('nginx') === null) return null;
  const port = await freePort();
  return pinned('nginx', proxyCore, port, [
    'nginx',
    '-c',
    await config('nginx.conf', nginxConfig(await folder(), nginxProxy(port, backend))),
  ]);
}

async function nginxModSecurity(backend: number): Promise<Pinned | null> {
  const module = '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so';
  if (!existsSync(module) || !existsSync('/usr/share/modsecurity-crs')) return null;
  const port = await freePort();
  const rules = await config('modsecurity.conf', modSecurityRules);
  const text = nginxConfig(
    await folder(),
    nginxProxy(port, backend, `modsecurity on; modsecurity_rules_file ${rules};`),
    `load_module ${module};`,
  );
  return pinned('nginx + ModSecurity + CRS', proxyCore, port, [
    'nginx',
    '-c',
    await config('nginx.conf', text),
  ]);
}

/** Debian's recommended settings with the engine on, and the Core Rule Set with its defaults. */
const modSecurityRules = `
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess Off
SecAuditEngine Off
SecDebugLogLevel 0
Include /etc/modsecurity/crs/crs-setup.conf
Include /usr/share/modsecurity-crs/rules/*.conf
`;

const apacheConfig = (dir: string, port: number, backend: number, load: string, more: string): string => `
ServerRoot ${dir}
PidFile ${dir}/pid
Listen 127.0.0.1:${port}
ServerName www.example.net
${['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'headers'].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
${load}
User www-data
Group www-data
ErrorLog /dev/null
KeepAlive On
MaxKeepAliveRequests 0
ThreadsPerChild 64
MaxRequestWorkers 1024
ServerLimit 16
ProxyPass / http://127.0.0.1:${backend}/ connectiontimeout=5 timeout=30
${more}
`;

async function apache(backend: number): Promise<Pinned | null> {
  if (peer('apache2') === null) return null;
  const port = await freePort();
  const file = await config('apache.conf', apacheConfig(await folder(), port, backend, '', ''));
  return pinned('Apache', proxyCore, port, ['apache2', '-DFOREGROUND', '-f', file]);
}

async function apacheModSecurity(backend: number): Promise<Pinned | null> {
  const module = '/usr/lib/apache2/modules/mod_security2.so';
  if (peer('apache2') === null || !existsSync(module)) return null;
  const port = await freePort();
  const load = ['unique_id', 'security2']
    .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
    .join('\n');
  const rules = modSecurityRules.replace('SecDebugLogLevel 0', '');
  const file = await config(
    'apache.conf',
    apacheConfig(await folder(), port, backend, load, `SecDataDir ${await folder()}\n${rules}`),
  );
  return pinned('Apache + ModSecurity + CRS', proxyCore, port, ['apache2', '-DFOREGROUND', '-f', file]);
}

async function haproxy(backend: number): Promise<Pinned | null> {
  if (peer('haproxy') === null) return null;
  const port = await freePort();
  const text = `global\n  maxconn 8192\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  option forwardfor\n  http-reuse always\nfrontend f\n  bind 127.0.0.1:${port}\n  default_backend b\nbackend b\n  server s 127.0.0.1:${backend}\n`;
  return pinned('HAProxy', proxyCore, port, ['haproxy', '-db', '-f', await config('haproxy.cfg', text)]);
}

async function caddy(backend: number): Promise<Pinned | null> {
  if (peer('caddy') === null) return null;
  const port = await freePort();
  const text = `{\n admin off\n auto_https off\n}\nhttp://:${port} {\n bind 127.0.0.1\n reverse_proxy 127.0.0.1:${backend}\n}\n`;
  return pinned(
    'Caddy',
    proxyCore,
    port,
    ['caddy', 'run', '--config', await config('Caddyfile', text), '--adapter', 'caddyfile'],
    { GOMAXPROCS: '1', HOME: await folder() },
  );
}

/** A script in `peers/`, run by the same Node as Sekisho. */
const script =
  (name: string, file: string) =>
  async (backend: number): Promise<Pinned> => {
    const port = await freePort();
    return pinned(name, proxyCore, port, [
      process.execPath,
      join(import.meta.dirname, 'peers', file),
      String(port),
      String(backend),
    ]);
  };

/** The gateway as a user runs it, with everything on: all checks, bans, and a rate limit too high to be reached. */
export const gateway =
  (name: string, yaml = '', cores: number | string = proxyCore, program = 'src/cli.ts') =>
  async (backend: number): Promise<Pinned> => {
    const port = await freePort();
    const file = await config(
      'sekisho.yaml',
      `listen: ["127.0.0.1:${port}"]\nsites: [{ hosts: ["127.0.0.1:*", www.example.net], backend: "http://127.0.0.1:${backend}", connections: { max: 256, queue: 4096 } }]\nbans: { after: 1000, allow: [192.0.2.0/24] }\nrateLimit: { max: 1000000000 }\nlimits: { connectionsPerClient: 100000 }\nlog: { level: error }\n${yaml}`,
    );
    return pinned(name, cores, port, [process.execPath, join(root, program), 'start', '--config', file]);
  };

export const peers: readonly Peer[] = [
  // The upper bound for Node: it neither parses nor judges requests.
  script('a floor of twelve lines', 'floor.ts'),
  nginx,
  haproxy,
  caddy,
  apache,
  script('@fastify/http-proxy', 'fastify-http-proxy.ts'),
  script('http-proxy', 'http-proxy.ts'),
  nginxModSecurity,
  apacheModSecurity,
];
