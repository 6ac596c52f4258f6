/** Real servers in common open and closed set-ups, for the table of the how-to page. */
import { createServer } from 'node:http';
import { startExim } from '../smtp/exim.ts';
import { openProxyApache, plainApache } from '../support/apache.ts';
import { runGateway } from '../support/gateway.ts';
import { carelessNginx, plainNginx } from '../support/nginx.ts';
import {
  openDante,
  openMicrosocks,
  openSquid,
  openTinyproxy,
  startDante,
  startMicrosocks,
  startPrivoxy,
  startSquid,
  startTinyproxy,
} from '../support/open-proxies.ts';
import { startOpensmtpd } from '../support/opensmtpd.ts';
import type { Owner } from '../support/owner.ts';
import { plainCaddy, plainHaproxy, startHaproxy } from '../support/plain-servers.ts';
import { defaultPostfix, openRelayPostfix, startPostfix } from '../support/postfix.ts';

import { apache, behind, caddy, nginx, node, nodeProxy, nodeTunnel, varnish } from './set-up-servers.ts';

export interface SetUp {
  readonly name: string;
  readonly open: boolean;
  readonly mail?: true;
  readonly start: (owner: Owner) => Promise<{ readonly port: number }>;
  /** A technique that must be relayed. */
  readonly through?: string;
  /** Matches the fix of that technique. */
  readonly fix?: RegExp;
  /** Closed, but not provably so from outside. */
  readonly inconclusive?: true;
}

/** Programs that the set-ups need. */
export const setUpPeers = [
  ...[
    'squid',
    'tinyproxy',
    'danted',
    'microsocks',
    'privoxy',
    'varnishd',
    'haproxy',
    'caddy',
    'apache2',
    'nginx',
  ],
  ...['postfix', 'exim4', 'smtpd'],
];

/** The ACLs of squid's default configuration that a CONNECT rule needs. */
const sslPorts = ['acl SSL_ports port 443', 'acl CONNECT method CONNECT'];
const inside = '10.0.0.0/8';

const open: readonly Omit<SetUp, 'open'>[] = [
  {
    name: 'squid, `http_access allow all`',
    start: openSquid,
    through: 'absolute-form-foreign',
    fix: /http_access/,
  },
  {
    name: 'squid, CONNECT to `SSL_ports` for everybody',
    start: (owner) =>
      startSquid(owner, [...sslPorts, 'http_access allow CONNECT SSL_ports', 'http_access deny all']),
    through: 'connect/port-443',
    fix: /http_access/,
  },
  {
    name: 'squid, `accel vhost allow-direct`',
    start: (owner) =>
      startSquid(owner, ['always_direct allow all', 'http_access allow all'], 'accel vhost allow-direct'),
    through: 'host-foreign',
    fix: /accel/,
  },
  {
    name: 'squid, all but loopback',
    start: (owner) =>
      startSquid(owner, ['acl lo dst 127.0.0.0/8 ::1', 'http_access deny lo', 'http_access allow all']),
    through: 'absolute-form-foreign/outside-address',
  },
  { name: 'tinyproxy without `Allow`', start: openTinyproxy, through: 'absolute-form-foreign', fix: /Allow/ },
  { name: 'dante, `socks pass` to all', start: openDante, through: 'socks5' },
  { name: 'microsocks without a user', start: openMicrosocks, through: 'socks5' },
  {
    name: 'privoxy without `permit-access`',
    start: (owner) => startPrivoxy(owner, []),
    through: 'absolute-form-foreign',
    fix: /permit-access/,
  },
  {
    name: 'varnish before a forwarder by Host',
    start: behind(varnish, carelessNginx),
    through: 'host-foreign',
    fix: /backend/,
  },
  {
    name: 'HAProxy, `set-dst url_ip`',
    start: (owner) =>
      startHaproxy(owner, (port) => [
        'frontend web',
        `  bind 127.0.0.1:${port}`,
        // Without an address in the target it would connect to itself.
        '  http-request deny deny_status 404 unless { url_ip -m found }',
        '  http-request set-dst url_ip',
        '  http-request set-dst-port url_port',
        '  default_backend any',
        'backend any',
        '  retries 0',
        '  server any 0.0.0.0:0',
      ]),
    through: 'absolute-form-foreign',
    fix: /set-dst/,
  },
  {
    name: 'HAProxy, `set-dst` from Host, port 80',
    start: (owner) =>
      startHaproxy(owner, (port) => [
        'frontend web',
        `  bind 127.0.0.1:${port}`,
        '  http-request set-dst hdr(host),field(1,:)',
        '  http-request set-dst-port int(80)',
        '  default_backend any',
        'backend any',
        '  retries 0',
        '  server any 0.0.0.0:0',
      ]),
    through: 'host-foreign',
    fix: /set-dst/,
  },
  {
    name: 'Caddy, `reverse_proxy {http.request.hostport}`',
    start: caddy('reverse_proxy {http.request.hostport}'),
    through: 'host-foreign',
    fix: /\{http\.request\.hostport\}/,
  },
  {
    name: 'Caddy, `reverse_proxy {query.upstream}`',
    start: caddy('reverse_proxy {query.upstream}'),
    through: 'url-in-path/?upstream=HOST',
    fix: /\{query\.upstream\}/,
  },
  {
    name: 'Apache, `ProxyRequests On`',
    start: openProxyApache,
    through: 'absolute-form-foreign',
    fix: /ProxyRequests Off/,
  },
  {
    name: 'Apache, CONNECT to 443 and 563',
    start: apache('ProxyRequests On', '<Proxy "*">', 'Require method CONNECT', '</Proxy>'),
    through: 'connect/port-443',
    fix: /AllowCONNECT/,
  },
  {
    name: 'Apache, `RewriteRule ^(.*)$ $1 [P]`',
    start: apache('RewriteEngine On', 'RewriteRule ^(.*)$ $1 [P]'),
    through: 'absolute-form-foreign',
    fix: /RewriteRule \^\(\.\*\)\$ \$1 \[P\]/,
  },
  {
    name: 'Apache, `RewriteRule … http://%{HTTP_HOST}/… [P]`',
    start: apache('RewriteEngine On', 'RewriteRule ^/(.*) http://%{HTTP_HOST}/$1 [P]'),
    through: 'host-foreign',
    fix: /%\{HTTP_HOST\}/,
  },
  {
    name: 'Apache, `ProxyPassMatch ^/(.*)$ http://$1`',
    start: apache('ProxyPassMatch "^/(.*)$" "http://$1"'),
    through: 'url-in-path/host',
    fix: /ProxyPassMatch/,
  },
  {
    name: 'nginx, `proxy_pass http://$http_host`',
    start: carelessNginx,
    through: 'host-foreign',
    fix: /proxy_pass/,
  },
  {
    name: 'nginx, `proxy_pass http://$host`',
    start: nginx('location / { proxy_pass http://$host$request_uri; }'),
    through: 'host-foreign',
    fix: /\$host/,
  },
  {
    name: 'nginx, `proxy_pass http://$host:$server_port`',
    start: nginx('location / { proxy_pass http://$host:$server_port; }'),
    through: 'host-foreign',
    fix: /\$host/,
  },
  {
    name: 'nginx, `proxy_pass $arg_url`',
    start: nginx('location /get { proxy_pass $arg_url; }', 'location / { return 404; }'),
    through: 'url-in-path/get?url=URL',
    fix: /\$arg_/,
  },
  {
    name: 'Node, forward proxy of a tutorial',
    start: (owner) => nodeProxy(owner, (url) => url),
    through: 'absolute-form-foreign',
  },
  {
    name: 'Node, `/proxy?url=`',
    start: (owner) =>
      nodeProxy(owner, (url) => new URLSearchParams(/^\/proxy\?(.*)/.exec(url)?.[1]).get('url')),
    through: 'url-in-path/proxy?url=URL',
  },
  { name: 'Node, tunnels', start: nodeTunnel, through: 'connect' },
  {
    name: 'Postfix, `mynetworks = 0.0.0.0/0`',
    mail: true,
    start: openRelayPostfix,
    through: 'smtp-foreign-recipient',
    fix: /mynetworks/,
  },
  {
    name: 'Exim, `acl_smtp_rcpt = accept`',
    mail: true,
    start: (owner) => startExim(owner, { deliverTo: 9 }),
    through: 'smtp-foreign-recipient',
    fix: /relay_from_hosts/,
  },
  {
    name: 'OpenSMTPD, `match from any for any`',
    mail: true,
    start: (owner) => startOpensmtpd(owner, ['action "out" relay', 'match from any for any action "out"']),
    through: 'smtp-foreign-recipient',
    fix: /match from any/,
  },
];

const closed: readonly Omit<SetUp, 'open'>[] = [
  {
    name: 'squid for the internal network',
    start: (owner) =>
      startSquid(owner, [`acl inside src ${inside}`, 'http_access allow inside', 'http_access deny all']),
  },
  {
    name: 'squid, accelerator of one site',
    start: behind((owner, port) =>
      startSquid(
        owner,
        [
          `cache_peer 127.0.0.1 parent ${port} 0 no-query originserver`,
          'never_direct allow all',
          'http_access allow all',
        ],
        'accel defaultsite=www.example.net',
      ),
    ),
  },
  {
    name: 'tinyproxy, `Allow` for the internal network',
    start: (owner) => startTinyproxy(owner, [`Allow ${inside}`]),
  },
  {
    name: 'dante for the internal network',
    start: (owner) =>
      startDante(owner, [
        `client pass { from: ${inside} to: 0.0.0.0/0 }`,
        `socks pass { from: ${inside} to: 0.0.0.0/0 }`,
      ]),
  },
  {
    name: 'microsocks with a user',
    start: (owner) => startMicrosocks(owner, ['-u', 'user', '-P', 'a-long-password']),
  },
  {
    name: 'privoxy, `permit-access` for the internal network',
    start: (owner) => startPrivoxy(owner, [`permit-access ${inside}`]),
  },
  { name: 'varnish before one backend', start: behind(varnish) },
  { name: 'HAProxy, `default_backend`', start: behind((owner, port) => plainHaproxy(owner, { port })) },
  {
    name: 'HAProxy, unknown hosts denied',
    start: behind((owner, port) =>
      plainHaproxy(
        owner,
        { port },
        '  http-request deny deny_status 421 unless { hdr(host),field(1,:) -i 127.0.0.1 }',
      ),
    ),
  },
  {
    name: 'HAProxy without `default_backend`: 503',
    inconclusive: true,
    start: behind((owner, port) =>
      startHaproxy(owner, (front) => [
        'frontend web',
        `  bind 127.0.0.1:${front}`,
        '  use_backend pages if { hdr(host),field(1,:) -i 127.0.0.1 }',
        'backend pages',
        `  server one 127.0.0.1:${port}`,
      ]),
    ),
  },
  { name: 'Caddy, `file_server`', start: plainCaddy },
  {
    name: 'Caddy, `reverse_proxy` to one',
    start: behind((owner, port) => caddy(`reverse_proxy 127.0.0.1:${port}`)(owner)),
  },
  { name: 'Apache', start: plainApache },
  {
    name: 'Apache, `ProxyPass`',
    start: behind((owner, port) => apache(`ProxyPass / http://127.0.0.1:${port}/`)(owner)),
  },
  {
    name: 'Apache, `ProxyRequests On` for the internal network',
    start: apache('ProxyRequests On', '<Proxy "*">', `Require ip ${inside}`, '</Proxy>'),
  },
  { name: 'nginx', start: plainNginx },
  {
    name: 'nginx, `proxy_pass` to one, Host passed on',
    start: behind((owner, port) =>
      nginx(`location / { proxy_pass http://127.0.0.1:${port}; proxy_set_header Host $http_host; }`)(owner),
    ),
  },
  {
    name: 'Node, `node:http`',
    start: (owner) =>
      node(
        owner,
        createServer((_, answer) => answer.writeHead(404).end()),
      ),
  },
  {
    name: 'Node, reverse proxy to one',
    start: behind((owner, port) =>
      nodeProxy(owner, (url) => `http://127.0.0.1:${port}/${url.replace(/^\/+/, '')}`),
    ),
  },
  {
    name: 'Sekisho',
    start: (owner) =>
      runGateway(
        owner,
        'sites: [{ hosts: [localhost, 127.0.0.1], backend: welcome }]\nbans: false\nrateLimit: false\n',
      ),
  },
  { name: 'Postfix', mail: true, start: defaultPostfix },
  {
    name: 'Postfix, any mailbox of its domain',
    mail: true,
    inconclusive: true,
    start: (owner) =>
      startPostfix(owner, { config: ['mynetworks = 192.0.2.1/32', 'local_recipient_maps ='] }),
  },
  {
    name: 'Exim, its own domain',
    mail: true,
    start: (owner) =>
      startExim(owner, {
        deliverTo: 9,
        main: 'acl_smtp_rcpt = accept domains = example.net : mx.example.net local_parts = postmaster',
      }),
  },
  {
    name: 'OpenSMTPD, its own domain',
    mail: true,
    start: (owner) =>
      startOpensmtpd(owner, [
        'table aliases { postmaster = nobody }',
        'action "in" mbox alias <aliases>',
        'match from any for domain "example.net" action "in"',
      ]),
  },
];

export const setUps: readonly SetUp[] = [
  ...open.map((one) => ({ ...one, open: true })),
  ...closed.map((one) => ({ ...one, open: false })),
];
