/** What to change: advice for what was found, in the configuration language of the server that wrote the log. */
import type { ScannedFile } from './scan-logs.ts';
import type { Tally } from './tally.ts';

export interface Advice {
  readonly when: Problem;
  readonly steps: readonly { readonly server: string; readonly text: string }[];
}

/** Problems, in the order of the report. */
const problems = ['relays', 'names', 'connect', 'mail'] as const;

type Problem = (typeof problems)[number];

interface Server {
  readonly name: string;
  /** Ids of the log formats that it writes. */
  readonly formats: readonly string[];
  readonly steps: Partial<Readonly<Record<Problem, string>>>;
}

const servers: readonly Server[] = [
  {
    name: 'Apache',
    formats: ['combined', 'apache-error', 'custom'],
    steps: {
      relays:
        'ProxyRequests Off, and no mod_proxy_connect; a reverse proxy needs only ProxyPass. If a forward proxy is wanted: <Proxy *> Require ip 192.0.2.0/24 </Proxy>.',
      names:
        'Before all other virtual hosts, add <VirtualHost *:80> with ServerName unknown.invalid and Require all denied.',
      connect:
        '<Location "/"> AllowMethods GET HEAD POST OPTIONS </Location> (mod_allowmethods); otherwise PHP answers any method.',
    },
  },
  {
    name: 'nginx',
    formats: ['combined', 'nginx-error', 'npm', 'json', 'custom'],
    steps: {
      relays:
        'proxy_pass to a fixed upstream: never to $host, $http_host, $request_uri or another variable that the client controls.',
      names: 'server { listen 80 default_server; server_name _; return 421; }',
      connect:
        'Since 1.21.1 nginx answers CONNECT with 405. Before that: if ($request_method = CONNECT) { return 405; }',
    },
  },
  {
    name: 'HAProxy',
    formats: ['haproxy', 'haproxy-tcp'],
    steps: {
      relays:
        'No http-request set-dst and no do-resolve on values that the client controls; servers with fixed addresses.',
      names:
        'acl ours req.hdr(host),field(1,:) -i www.example.net; http-request deny deny_status 421 unless ours',
      connect: 'http-request deny deny_status 405 if METH_CONNECT',
    },
  },
  {
    name: 'Caddy',
    formats: ['caddy'],
    steps: {
      relays:
        'reverse_proxy to a fixed upstream, never to {host}, {http.request.hostport} or {query.…}; forward_proxy with basic_auth, or not at all.',
      names: 'Name your hosts in site addresses instead of :80, and add a last site :80 { respond 421 }',
      connect: '@connect method CONNECT, and: respond @connect 405',
    },
  },
  {
    name: 'Traefik',
    formats: ['traefik', 'traefik-clf'],
    steps: {
      relays: 'Services with fixed addresses; no plugin that dials the Host of a request.',
      names: 'A rule Host(`www.example.net`) on every router: no router with only PathPrefix(`/`).',
      connect: 'Routers with Method(`GET`) || Method(`HEAD`) || Method(`POST`): others get 404.',
    },
  },
  {
    name: 'Envoy',
    formats: ['envoy', 'envoy-json'],
    steps: {
      relays: 'No dynamic_forward_proxy filter, and no ORIGINAL_DST cluster with use_http_header.',
      names: 'List the domains of every virtual host: no domains: ["*"].',
      connect: 'No connect_matcher, and no upgrade_type: CONNECT.',
    },
  },
  {
    name: 'IIS',
    formats: ['w3c', 'iis-xml'],
    steps: {
      relays:
        'Application Request Routing: reverse proxy rules with a fixed server in the rewrite URL, never {HTTP_HOST} or {R:0} as the whole URL.',
      names: 'A host name in every binding of every site: no empty host name.',
      connect: 'Request Filtering, HTTP verbs: deny CONNECT.',
    },
  },
  {
    name: 'squid',
    formats: ['squid', 'squid-combined', 'squid-cache'],
    steps: {
      relays:
        'acl localnet src 192.0.2.0/24; http_access allow localnet; http_access deny all. As an accelerator: http_port 80 accel defaultsite=www.example.net, and http_access allow only for your own dstdomain.',
      names: 'acl ours dstdomain www.example.net; http_access deny !ours',
      connect: 'http_access deny CONNECT',
    },
  },
  {
    name: 'tinyproxy',
    formats: ['tinyproxy'],
    steps: {
      relays:
        'Allow 192.0.2.0/24 (without an Allow line every client may connect), BasicAuth, and Listen on an internal address.',
      connect: 'ConnectPort 0 refuses every CONNECT.',
    },
  },
  {
    name: 'AWS load balancer',
    formats: ['alb', 'elb', 'cloudfront'],
    steps: {
      relays: 'The load balancer does not relay: check the server behind it.',
      names: 'Listener rules by host header, with a default action that answers 421.',
      connect: 'Answer 405 to CONNECT at the server behind it.',
    },
  },
  {
    name: 'The server behind the edge',
    formats: ['cloudflare', 'gcp', 'ecs', 'zeek', 'zeek-tsv', 'eve', 'zoraxy'],
    steps: {
      relays: 'A fixed upstream: never the Host or the URL from the request.',
      names: 'Answer 421 to every Host that is not yours.',
      connect: 'Answer 405 to CONNECT.',
    },
  },
  {
    name: 'Node',
    formats: ['pino', 'morgan'],
    steps: {
      relays: 'A proxy library with a fixed target: never req.url or req.headers.host as the target.',
      names: 'Answer 421 before the router if req.headers.host is not yours.',
      connect:
        "server.on('connect', (req, socket) => socket.end('HTTP/1.1 405 Method Not Allowed\\r\\n\\r\\n'))",
    },
  },
  {
    name: 'Python',
    formats: ['werkzeug', 'uwsgi', 'uvicorn'],
    steps: {
      relays: 'Never fetch the URL or the Host from the request; a reverse proxy with a fixed upstream.',
      names:
        'Django ALLOWED_HOSTS, Starlette TrustedHostMiddleware, Flask TRUSTED_HOSTS: only your own names.',
      connect: 'Put a web server in front that answers 405 to CONNECT.',
    },
  },
  {
    name: 'Postfix',
    formats: ['postfix'],
    steps: {
      mail: 'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination; mynetworks: your own addresses, never 0.0.0.0/0 or the Docker bridge (172.16.0.0/12).',
    },
  },
  {
    name: 'Exim',
    formats: ['exim'],
    steps: {
      mail: 'hostlist relay_from_hosts = 127.0.0.1 : ::1, domainlist relay_to_domains = your own domains; in acl_check_rcpt: require message = relay not permitted, domains = +local_domains : +relay_to_domains.',
    },
  },
  {
    name: 'sendmail',
    formats: ['sendmail'],
    steps: {
      mail: "No FEATURE(`promiscuous_relay') and no FEATURE(`relay_entire_domain'); only your own networks as RELAY in access, only your own domains in relay-domains.",
    },
  },
  {
    name: 'OpenSMTPD',
    formats: ['opensmtpd'],
    steps: {
      mail: 'match from any for domain example.net action "local"; match auth from any for any action "relay"; no match from any for any.',
    },
  },
];

export function adviceFor({ outcomes, techniques }: Tally, files: readonly ScannedFile[]): Advice[] {
  const found = (...names: string[]): boolean => names.some((name) => techniques.has(name));
  const mailOnly = [...techniques.keys()].every((name) => name === 'mail');
  const present: Readonly<Record<Problem, boolean>> = {
    relays: !mailOnly && (outcomes['likely-relayed'] > 0 || outcomes.attempted > 0),
    names: found('absolute', 'absolute-port', 'host', 'malformed'),
    connect: found('connect', 'connect-self', 'connect-bad'),
    mail: found('mail'),
  };
  const ids = new Set(files.map(({ formatId }) => formatId));
  // Apache and nginx both write the combined format; an error log in the same scan shows which one it was.
  if (ids.has('apache-error') !== ids.has('nginx-error')) ids.delete('combined');
  const own = servers.filter(({ formats }) => formats.some((id) => ids.has(id)));
  return problems
    .filter((problem) => present[problem])
    .map((problem) => ({
      when: problem,
      steps: own.flatMap(({ name, steps }) => {
        const text = steps[problem];
        return text === undefined ? [] : [{ server: name, text }];
      }),
    }))
    .filter(({ steps }) => steps.length > 0);
}
