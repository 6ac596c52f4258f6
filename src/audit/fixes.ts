/** What to change, in the words of the server that was found. */

/** What kind of hole a technique goes through. */
export type FixKind =
  | 'forward-proxy'
  | 'host-forwarding'
  | 'connect'
  | 'h2-connect'
  | 'scheme'
  | 'own-url'
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
  'sendmail',
  'exchange',
] as const;
export type Software = (typeof software)[number];

/** The first that matches names the software. Proxies come before the servers that they may stand in front of. */
const marks: readonly (readonly [Software, RegExp])[] = [
  ['squid', /^(?:Server|Via):.*squid|^X-Squid-Error:/im],
  ['tinyproxy', /^(?:Server|Via):.*tinyproxy/im],
  ['privoxy', /Privoxy/],
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
  ['sendmail', /^220[ -].*Sendmail/im],
  ['exchange', /^220[ -].*Microsoft ESMTP/im],
];

/** What a server's own answers say that it is; null where nothing. */
export function identify(answers: string): Software | null {
  return marks.find(([, mark]) => mark.test(answers))?.[0] ?? null;
}

interface Fix {
  /** What holds for any server. */
  readonly general: string;
  readonly by?: Partial<Record<Software, string>>;
}

const apacheProxy =
  'Apache: ProxyRequests Off (ProxyPass does not need it); if a proxy is wanted: <Proxy "*"> Require ip YOUR-NETWORK </Proxy>';
const nginxVariables =
  'nginx: name the backend in proxy_pass instead of $host, $http_host or $arg_… (proxy_pass http://backend;), drop resolver, and add a default server that returns 421';
const squidAccess =
  'squid: http_access allow localnet, then http_access deny all as the last line; no "allow all"';
const tinyproxyAllow =
  'tinyproxy: Allow YOUR-NETWORK (with no Allow line everybody may), Listen on an inside address';
const envoyForward =
  'Envoy: remove dynamic_forward_proxy, and give virtual_hosts domains of your own instead of "*"';

const fixes: Readonly<Record<FixKind, Fix>> = {
  'forward-proxy': {
    general: 'turn the forward proxy off, or let your own networks alone use it',
    by: {
      apache: apacheProxy,
      nginx: nginxVariables,
      squid: squidAccess,
      tinyproxy: tinyproxyAllow,
      envoy: envoyForward,
      haproxy: 'HAProxy: remove http-request set-dst / do-resolve on the request, and option http_proxy',
      caddy:
        'Caddy: remove the forward_proxy directive or give it basic_auth; no {http.request.host} in reverse_proxy',
      privoxy: 'Privoxy: listen-address on an inside address, permit-access YOUR-NETWORK',
      varnish:
        'Varnish: choose the backend from your own list in vcl_recv; no dynamic director on req.http.host',
      iis: 'IIS: Application Request Routing, Server Proxy Settings: enable the proxy for rewrite rules with fixed targets only',
    },
  },
  'host-forwarding': {
    general: 'forward to backends named in the configuration, never to the host that the request names',
    by: {
      apache:
        'Apache: no %{HTTP_HOST} in the target of RewriteRule [P] or ProxyPassMatch; add a default <VirtualHost> that denies; ProxyRequests Off',
      nginx: nginxVariables,
      squid: `${squidAccess}; in accelerator mode: http_port … accel defaultsite=YOUR-SITE, no vhost without cache_peer_domain`,
      tinyproxy: `${tinyproxyAllow}; no transparent (TransparentProxy) mode towards the internet`,
      envoy: envoyForward,
      haproxy:
        'HAProxy: remove do-resolve / set-dst on req.hdr(host); choose use_backend from a map of your own',
      caddy: 'Caddy: name the upstream in reverse_proxy; no {http.request.host} there',
      varnish:
        'Varnish: choose the backend from your own list in vcl_recv; no dynamic director on req.http.host',
    },
  },
  connect: {
    general: 'refuse CONNECT: 405',
    by: {
      apache: `${apacheProxy}; without mod_proxy_connect there is no CONNECT at all (AllowCONNECT names ports)`,
      squid: `${squidAccess}; http_access deny CONNECT !SSL_ports before it`,
      tinyproxy: `${tinyproxyAllow}; ConnectPort 443 (with no ConnectPort line every port may)`,
      nginx: 'nginx: drop proxy_connect (ngx_http_proxy_connect_module)',
      envoy: 'Envoy: remove connect_matcher routes and upgrade_configs: CONNECT',
      haproxy: 'HAProxy: http-request deny if METH_CONNECT',
      caddy: 'Caddy: remove the forward_proxy directive or give it basic_auth',
      privoxy: 'Privoxy: listen-address on an inside address, permit-access YOUR-NETWORK',
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
      squid: `${squidAccess}; acl others proto FTP Gopher, http_access deny others`,
      tinyproxy: tinyproxyAllow,
    },
  },
  'own-url': {
    general:
      'put a slash between the backend and what comes from the request, and refuse targets that do not begin with one',
    by: {
      apache:
        'Apache: RewriteRule ^/(.*) http://backend/$1 [P] with both slashes (CVE-2011-3368), ProxyPass /path/ http://backend/path/; update httpd (CVE-2021-40438)',
      nginx: 'nginx: proxy_pass http://backend; (or a slash before the variable: http://backend/$1)',
      squid: squidAccess,
    },
  },
  override: {
    general:
      'drop X-Forwarded-Host, Forwarded and their like at the outermost server, and route by Host alone',
    by: {
      apache:
        'Apache: RequestHeader unset X-Forwarded-Host (and the like) in front, no %{HTTP:X-Forwarded-Host} in a target',
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
      'bind the SOCKS server to an inside address and ask for a password: dante: internal: INSIDE-ADDRESS, socksmethod: username, client pass { from: YOUR-NETWORK to: 0.0.0.0/0 }; microsocks: -i INSIDE-ADDRESS -u USER -P PASSWORD; ssh -D: without GatewayPorts',
  },
  smtp: {
    general: 'accept mail for other domains from your own networks and authenticated users only',
    by: {
      postfix:
        'Postfix: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination; mynetworks = 127.0.0.0/8 and your own; allow_untrusted_routing = no, no relay_domains of others',
      exim: 'Exim: hostlist relay_from_hosts and domainlist relay_to_domains with your own alone; in acl_check_rcpt deny local parts with ^.*[@%!] and end with deny message = relay not permitted',
      sendmail:
        'sendmail: remove FEATURE(promiscuous_relay), FEATURE(loose_relay_check) and the like; name networks in /etc/mail/access or relay-domains',
      exchange:
        'Exchange: remove Ms-Exch-SMTP-Accept-Any-Recipient from NT AUTHORITY\\ANONYMOUS LOGON on the receive connector',
    },
  },
};

/** The directive for this software, or the advice for any. */
export function fixFor(kind: FixKind, found: Software | null): string {
  const { general, by } = fixes[kind];
  return (found === null ? undefined : by?.[found]) ?? general;
}
