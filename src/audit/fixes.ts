/** How to close each kind of hole, in the configuration language of the server found. */

/** The kind of hole that a technique uses. */
export type FixKind =
  | 'forward-proxy'
  | 'host-forwarding'
  | 'connect'
  | 'h2-connect'
  | 'scheme'
  | 'own-url'
  | 'path-url'
  | 'fetcher'
  | 'unix-socket'
  | 'override'
  | 'trace'
  | 'socks'
  | 'smtp';

export const software = [
  'apache',
  'nginx',
  'squid',
  'tinyproxy',
  'haproxy',
  'caddy',
  'envoy',
  'traefik',
  'varnish',
  'privoxy',
  'iis',
  'postfix',
  'exim',
  'opensmtpd',
  'sendmail',
  'exchange',
] as const;
export type Software = (typeof software)[number];

/** The first match names the software. Proxies come before the servers they may be in front of. */
const marks: readonly (readonly [Software, RegExp])[] = [
  ['squid', /^(?:Server|Via):.*squid|^X-Squid-Error:/im],
  ['tinyproxy', /^(?:Server|Via):.*tinyproxy/im],
  ['privoxy', /Privoxy|^Invalid header received from client\.$/m],
  ['varnish', /^(?:Via|Server):.*varnish|^X-Varnish:/im],
  ['envoy', /^Server: envoy/im],
  ['caddy', /^(?:Server|Via):.*caddy/im],
  ['nginx', /^Server: (?:nginx|openresty|angie)/im],
  ['apache', /^Server: Apache/im],
  ['iis', /^Server: Microsoft-(?:IIS|HTTPAPI)/im],
  ['traefik', /^404 page not found$/m],
  [
    'haproxy',
    /<html><body><h1>\d{3} [\w ]+<\/h1>\n(?:No server is available|Your browser sent|Request forbidden|The server didn't)/,
  ],
  ['postfix', /^220[ -].*Postfix/im],
  ['exim', /^220[ -].*Exim/im],
  ['opensmtpd', /^220[ -].*OpenSMTPD/im],
  ['sendmail', /^220[ -].*Sendmail/im],
  ['exchange', /^220[ -].*Microsoft ESMTP/im],
];

/** The software that a server's answers name; null if none. */
export function identify(answers: string): Software | null {
  return marks.find(([, mark]) => mark.test(answers))?.[0] ?? null;
}

interface Fix {
  /** Advice for any server. */
  readonly general: string;
  readonly by?: Partial<Record<Software, string>>;
}

const apacheProxy =
  'Apache: ProxyRequests Off (ProxyPass does not need it); if a proxy is wanted: <Proxy "*"> Require ip YOUR-NETWORK </Proxy>';
const apacheHost =
  'Apache: a RewriteRule [P] or ProxyPassMatch takes the host from the request (RewriteRule ^(.*)$ $1 [P], or %{HTTP_HOST} in the target): RewriteRule ^/(.*)$ http://BACKEND/$1 [P]; add a default <VirtualHost> that denies';
const nginxVariables =
  'nginx: name the backend in proxy_pass instead of $host or $http_host (proxy_pass http://backend;), drop resolver, and add a default server that returns 421';
const squidAccess =
  'squid: http_access allow localnet, then http_access deny all as the last line, no "allow all"';
const squidAccelerator = 'squid: http_port … accel defaultsite=YOUR-SITE, without vhost and allow-direct';
const tinyproxyAllow =
  'tinyproxy: Allow YOUR-NETWORK (without an Allow line every client may connect), Listen on an internal address';
const envoyForward =
  'Envoy: remove dynamic_forward_proxy, and list your own domains in virtual_hosts instead of "*"';
const privoxyAccess = 'Privoxy: listen-address on an internal address, permit-access YOUR-NETWORK';
const varnishBackend =
  'Varnish: choose the backend from your own list in vcl_recv, no dynamic director on req.http.host, and check the backend: it may be the one that relays';
const haproxyDestination =
  'HAProxy: remove http-request set-dst, set-dst-port and do-resolve on values from the request (hdr(host), url_ip), choose use_backend from your own map';
const caddyUpstream =
  'Caddy: name the upstream in reverse_proxy, instead of {http.request.hostport}, {http.request.host} or {hostport}';

const fixes: Readonly<Record<FixKind, Fix>> = {
  'forward-proxy': {
    general: 'turn the forward proxy off, or allow only your own networks to use it',
    by: {
      apache: apacheProxy,
      nginx: nginxVariables,
      squid: squidAccess,
      tinyproxy: tinyproxyAllow,
      envoy: envoyForward,
      haproxy: haproxyDestination,
      caddy: 'Caddy: remove the forward_proxy directive or give it basic_auth',
      privoxy: privoxyAccess,
      varnish: varnishBackend,
      iis: 'IIS: Application Request Routing, Server Proxy Settings: enable the proxy for rewrite rules with fixed targets only',
    },
  },
  'host-forwarding': {
    general: 'forward to backends named in the configuration, never to the host in the request',
    by: {
      apache: apacheHost,
      nginx: nginxVariables,
      squid: squidAccelerator,
      tinyproxy: tinyproxyAllow,
      envoy: envoyForward,
      haproxy: haproxyDestination,
      caddy: caddyUpstream,
      privoxy: `${privoxyAccess}, accept-intercepted-requests 0`,
      varnish: varnishBackend,
    },
  },
  connect: {
    general: 'refuse CONNECT: 405',
    by: {
      apache: `${apacheProxy}; AllowCONNECT limits the ports, and without mod_proxy_connect CONNECT is refused`,
      squid: `${squidAccess}; http_access deny CONNECT !SSL_ports before it`,
      tinyproxy: `${tinyproxyAllow}; ConnectPort 443 (without a ConnectPort line every port is allowed)`,
      nginx: 'nginx: drop proxy_connect (ngx_http_proxy_connect_module)',
      envoy: 'Envoy: remove connect_matcher routes and upgrade_configs: CONNECT',
      haproxy: 'HAProxy: http-request deny if METH_CONNECT',
      caddy: 'Caddy: remove the forward_proxy directive or give it basic_auth',
      privoxy: privoxyAccess,
    },
  },
  'h2-connect': {
    general:
      'refuse CONNECT and extended CONNECT on HTTP/2: 405, and do not send SETTINGS_ENABLE_CONNECT_PROTOCOL',
    by: {
      envoy: 'Envoy: remove connect_matcher routes, upgrade_configs: CONNECT and allow_connect',
      apache: apacheProxy,
      haproxy: 'HAProxy: http-request deny if METH_CONNECT',
    },
  },
  scheme: {
    general: 'refuse every scheme but http and https',
    by: {
      apache: `${apacheProxy}; do not load mod_proxy_ftp`,
      squid: squidAccess,
      tinyproxy: tinyproxyAllow,
    },
  },
  'own-url': {
    general:
      'put a slash between the backend and the part from the request, and refuse targets that do not begin with a slash',
    by: {
      apache:
        'Apache: RewriteRule ^/(.*)$ http://BACKEND/$1 [P] with both slashes, ProxyPass /path/ http://BACKEND/path/ (CVE-2011-3368)',
      nginx: 'nginx: proxy_pass http://backend; (or a slash before the variable: http://backend/$1)',
      squid: squidAccess,
    },
  },
  'path-url': {
    general: 'name the backend in the configuration: never use a part of the path as a host',
    by: {
      apache:
        'Apache: ProxyPassMatch ^/(.*)$ http://$1 takes the host from the path: ProxyPassMatch ^/(.*)$ http://BACKEND/$1',
      nginx:
        'nginx: never use a capture of the path as the host of proxy_pass: proxy_pass http://backend/$1;',
      caddy: 'Caddy: name the upstream in reverse_proxy, no {http.request.uri…}, {path…} or {re…} there',
    },
  },
  fetcher: {
    general:
      'fetch only from a list of your own hosts: resolve the name once, refuse loopback, private and metadata addresses, connect to that same address, and follow no redirects',
    by: {
      nginx: 'nginx: no $arg_… in proxy_pass: name the backend',
      caddy:
        'Caddy: name the upstream in reverse_proxy, instead of {query.upstream} and the like ({http.request.uri.query.…})',
      apache: 'Apache: never use %{QUERY_STRING} or a capture of it as the host of RewriteRule [P]',
    },
  },
  'unix-socket': {
    general: 'update the server: a path that begins with unix: must not choose the backend',
    by: { apache: 'Apache: update httpd to 2.4.49 or later (CVE-2021-40438)' },
  },
  override: {
    general:
      'remove X-Forwarded-Host, Forwarded and similar headers at the outermost server, and route by Host alone',
    by: {
      apache:
        'Apache: RequestHeader unset X-Forwarded-Host (and similar headers) at the edge, no %{HTTP:X-Forwarded-Host} in a target',
      nginx:
        'nginx: no $http_x_forwarded_host or $http_x_… in proxy_pass; proxy_set_header X-Forwarded-Host $host;',
      haproxy: 'HAProxy: http-request del-header X-Forwarded-Host',
    },
  },
  trace: {
    general: 'answer TRACE with 405',
    by: { apache: 'Apache: TraceEnable Off' },
  },
  socks: {
    general:
      'bind the SOCKS server to an internal address and require a password: dante: internal: INTERNAL-ADDRESS, socksmethod: username, client pass { from: YOUR-NETWORK to: 0.0.0.0/0 }; microsocks: -i INTERNAL-ADDRESS -u USER -P PASSWORD; ssh -D: without GatewayPorts',
  },
  smtp: {
    general: 'accept mail for other domains only from your own networks and authenticated users',
    by: {
      postfix:
        'Postfix: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination; mynetworks = 127.0.0.0/8 and your own networks; allow_untrusted_routing = no, only your own domains in relay_domains',
      exim: 'Exim: only your own networks in hostlist relay_from_hosts and your own domains in domainlist relay_to_domains; in acl_check_rcpt deny local parts with ^.*[@%!] and end with deny message = relay not permitted',
      opensmtpd:
        'OpenSMTPD: no "match from any for any": match from any for domain YOUR-DOMAIN, match auth from any for any, match from src YOUR-NETWORK for any',
      sendmail:
        'sendmail: remove FEATURE(promiscuous_relay), FEATURE(loose_relay_check) and similar features; list networks in /etc/mail/access or relay-domains',
      exchange:
        'Exchange: remove Ms-Exch-SMTP-Accept-Any-Recipient from NT AUTHORITY\\ANONYMOUS LOGON on the receive connector',
    },
  },
};

/**
 * The directive for this software, or the general advice. One hole lets several techniques through: a server that dials the Host
 * also dials the host of an absolute-form, and an open forward proxy accepts any scheme.
 *
 * @param relaying techniques that were relayed at the same port
 */
export function fixFor(
  kind: FixKind,
  found: Software | null,
  relaying: ReadonlySet<string> = new Set(),
): string {
  const cause = causeOf(kind, found, relaying);
  const { general, by } = fixes[cause];
  return (found === null ? undefined : by?.[found]) ?? general;
}

function causeOf(kind: FixKind, found: Software | null, relaying: ReadonlySet<string>): FixKind {
  const goes = (...ids: string[]): boolean => ids.some((id) => relaying.has(id));
  const byHost = goes('host-foreign', 'host-foreign/no-port', 'host-foreign/unresolvable');
  const byUrl = goes('absolute-form-foreign', 'absolute-form-foreign/http-1.0');
  const follows: FixKind[] = ['forward-proxy', 'scheme', 'own-url', 'path-url', 'fetcher'];
  if (byHost && found !== null && follows.includes(kind)) return 'host-forwarding';
  const byPath = goes('url-in-path/host', 'url-in-path/two-slashes', 'url-in-path/url');
  if (byPath && !byUrl && (kind === 'forward-proxy' || kind === 'own-url')) return 'path-url';
  return byUrl && (kind === 'scheme' || kind === 'own-url') ? 'forward-proxy' : kind;
}
