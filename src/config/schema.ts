/**
 * The config as JSON Schema: the only place where a default is written. Editors read it, the reference page is made from
 * its descriptions, and `load` validates by it. `fix` is an annotation: what to write instead, for the fault's text.
 */

import type { Static, TSchema } from 'typebox';
import Type from 'typebox';
import { acmeCertificates, acmeFolder, certificatesOfSites } from '../acme/schema.ts';
import { decoysSchema } from '../decoys/schema.ts';
import { presets } from '../rules/catalogue.ts';
import { smtpSchema } from '../smtp/schema.ts';
import { registeredMethods } from '../wire/methods.ts';
import { bans, fleet, rateLimit, siteRateLimit } from './client-schema.ts';
import { sizePattern } from './quantity.ts';
import { methods, methodWords, rules } from './rule-schema.ts';
import { account, cidrs, object, offOr, size, timeout, word } from './schema-parts.ts';
import { alerts, geo, journal, otel, tlsFiles } from './watch-schema.ts';

const listenAddress = (options: { description: string; default?: string }) =>
  Type.String({
    pattern: '^(?:[0-9.]+|\\[[0-9A-Fa-f.:]+\\]):[0-9]{1,5}$',
    format: 'sekisho-listen',
    fix: 'write ADDR:PORT such as 127.0.0.1:8080 or "[::]:8080"',
    ...options,
  });

const file = (description: string) =>
  Type.String({
    minLength: 1,
    fix: 'write a file name',
    description: `${description} Relative names start at the folder of the config.`,
  });

const clients = object(
  {
    ca: file(
      'PEM file of the authorities that sign the certificates of clients. Read again when it changes.',
    ),
    verify: Type.Optional(
      word(['require', 'request'], {
        description:
          'Default: require, no connection without a certificate. `request`: one without is served, one with a wrong one is not.',
      }),
    ),
  },
  {
    description:
      'Ask clients for a certificate (mTLS). Backends get the name in it as `X-Client-Cert-Subject`, such as `CN=alice,O=Example` ' +
      '(RFC 4514; what is not ASCII as `\\` and its octets); whatever a client, or a proxy in front, sends under that name never passes, on any listener. ' +
      'A certificate without a subject is refused. In a list of certificates one entry has it, for all.',
  },
);

const certificate = object(
  {
    cert: file('PEM file of the certificate and its chain.'),
    key: file('PEM file of its private key. Hazard: keep it readable by the program alone.'),
    clients: Type.Optional(clients),
  },
  { description: 'A certificate and its key.' },
);

const listener = Type.Union(
  [
    listenAddress({
      description: 'Address and port to accept connections on; IPv6 in brackets; port 0 takes a free one.',
    }),
    object({
      address: listenAddress({ description: 'Address and port; IPv6 in brackets; port 0 takes a free one.' }),
      tls: Type.Optional(
        Type.Union(
          [
            certificate,
            acmeCertificates,
            Type.Array(Type.Union([certificate, acmeCertificates]), {
              minItems: 1,
              fix: 'list one certificate or more',
            }),
          ],
          {
            fix: 'write { cert: FILE, key: FILE }, { acme: { email: ADDRESS, terms: agreed } }, or a list of such',
            description:
              'Speak TLS here, with HTTP/2 and HTTP/1.1 by ALPN. Of several certificates the one is shown whose names match what ' +
              'the client asks for (SNI); the first one where none does. One with another kind of key for the same names (RSA beside ' +
              'ECDSA) is shown to clients that know that kind alone. Files are read again when they, or the links to them, change; a pair that does ' +
              'not belong together is logged, and the one before stays in use.',
          },
        ),
      ),
      proxyProtocol: Type.Optional(
        Type.Boolean({
          fix: 'write true or false',
          description:
            'Default: false. Connections from `trustedProxies` begin with a PROXY protocol header (version 1 or 2), and the client is whom it ' +
            'names. From anybody else such a header is a probe.',
        }),
      ),
      redirect: Type.Optional(
        word(['https'], {
          description:
            'Send requests for our hosts on to https: 301 for GET and HEAD, 308 for other methods, to the same path of the same site, ' +
            'at the port of the first listener with `tls` (443 where there is none). Everything else is refused as anywhere. ' +
            '`/.well-known/acme-challenge/` still goes to the backend, but for challenges of our own orders.',
        }),
      ),
    }),
  ],
  {
    fix: 'write ADDR:PORT, or a map with address',
    description:
      'A listener that speaks HTTP/1.1, with `tls` HTTP/2 as well. `[::]` takes IPv4 as well, so that it can not stand beside `0.0.0.0` with the same port. ' +
      'On 0.0.0.0 and [::] every network of this machine reaches it.',
  },
);

const hostEntry = Type.String({
  minLength: 1,
  maxLength: 260,
  format: 'sekisho-host',
  fix: 'write a name such as www.example.net, "*.example.net", or an address',
  description:
    'A host that is ours: a name (in its own letters or as A-labels), `*.name` for every name below it, an IPv4 or a ' +
    'bracketed IPv6 address. After it perhaps `:port`, a port served besides those of the listeners (a request-target ' +
    'may then name it), or `:*` for any port. Whatever is named nowhere is foreign, and requests for it are refused.',
});

const backendUrl = Type.String({
  minLength: 1,
  maxLength: 2048,
  format: 'sekisho-backend',
  fix: 'write http://HOST:PORT, https://HOST:PORT, h2c://HOST:PORT, unix:/PATH or welcome',
  description:
    'Where requests are forwarded to: `http://HOST:PORT`, `https://HOST:PORT`, `unix:/path/to.sock`; by HTTP/2, as gRPC needs it, `h2c://HOST:PORT` ' +
    '(in the clear) or `h2://HOST:PORT` (over TLS); or `welcome`, the page that the program brings along. Without path, query and credentials. Nothing outside this list is ever dialled.',
});

const backend = object(
  {
    url: backendUrl,
    weight: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        default: 1,
        fix: 'write a whole number from 1 to 100',
        description: 'Share of the requests, beside the weights of the other backends of the site.',
      }),
    ),
  },
  { description: 'One of several backends of a site.' },
);

const health = object({
  path: Type.String({
    pattern: '^/[\\x21-\\x7e]*$',
    maxLength: 1024,
    default: '/',
    fix: 'write a path such as /healthz',
    description:
      'The path asked for, with the name of the site as Host. An answer below 400 is a good one. Of a backend of HTTP/2 ' +
      '`/grpc.health.v1.Health/Check` asks by the health protocol of gRPC: good is that it serves.',
  }),
  interval: timeout('10s', 'Time between two checks.'),
  timeout: timeout('2s', 'Time for an answer.'),
  rise: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 2,
    fix: 'write a whole number from 1 to 100',
    description: 'Good answers in a row until an ejected backend gets requests again.',
  }),
  fall: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 3,
    fix: 'write a whole number from 1 to 100',
    description: 'Bad ones in a row until it is ejected.',
  }),
});

const presetWords =
  '`default`; `strict`: what default flags is blocked; `lenient`: headers that old clients send by mistake are stripped and ' +
  'flagged; `observe`: nothing is blocked that can be passed on to our own backend without relaying.';

const headerEdits = (description: string) =>
  Type.Record(Type.String(), Type.Unknown(), {
    default: {},
    fix: 'write a map: `NAME: VALUE` sets a header, in place of what there is; `NAME: { add: VALUE }` adds one; `NAME: false` removes it',
    description: `${description} Not those that frame a message or are for one connection only.`,
  });

const site = object(
  {
    hosts: Type.Array(hostEntry, {
      minItems: 1,
      fix: 'list one host or more',
      description: 'The hosts that are ours. The first one names the site in events and metrics.',
    }),
    backend: Type.Optional(backendUrl),
    backends: Type.Optional(
      Type.Array(backend, {
        minItems: 1,
        fix: 'list one backend or more',
        description: 'Several backends, in place of `backend`.',
      }),
    ),
    balance: word(['round-robin', 'weighted', 'least-connections', 'client-hash', 'cookie'], {
      default: 'round-robin',
      description:
        'Which of several backends gets a request: each in turn; in turn by `weight`; the one with the fewest requests under ' +
        'way for its weight; or always the same one for a client, as applications need that keep a session in one process (Socket.IO ' +
        'with long polling). `client-hash` knows a client by its address (IPv6: the /64), and spreads clients by a hash and `weight`: where that ' +
        'backend is ejected, its clients move to others, and back when it is well again. Hazard: everybody behind one NAT gets one backend. ' +
        '`cookie` knows it by the cookie `sekisho-backend`, which it gets with its first answer, in turn by `weight`: where that backend is ' +
        'ejected, its clients move to others, and stay. One that failed three requests in a row is ejected for 1 s, 2 s, 4 s … up to a minute.',
    }),
    cookieSecret: Type.Optional(
      Type.String({
        minLength: 16,
        maxLength: 1024,
        fix: 'write 16 characters or more, such as `openssl rand -hex 16` prints',
        description:
          'What the cookies of `balance: cookie` are made with. Several gateways in front of the same backends need the same. Left out, one ' +
          'is made at start: after a restart clients are spread anew. Hazard: whoever knows it can tell by the cookies where backends are.',
      }),
    ),
    health: offOr(health, {
      default: false,
      description:
        'Ask each backend at intervals whether it is well, each time on a new connection beside those of requests; `false`: what ' +
        'becomes of requests tells alone.',
    }),
    connections: object(
      {
        max: Type.Integer({
          minimum: 1,
          maximum: 100_000,
          default: 512,
          fix: 'write a whole number from 1 to 100000',
          description: 'Most connections to one backend at a time, of each worker; by HTTP/2, most requests.',
        }),
        queue: Type.Integer({
          minimum: 0,
          maximum: 1_000_000,
          default: 1024,
          fix: 'write a whole number from 0 to 1000000',
          description: 'Most requests that wait for one; what comes beyond gets 503 with Retry-After.',
        }),
        wait: timeout('10s', 'How long a request may wait for one; then 503.'),
        idle: timeout(
          '4s',
          'How long an idle one is kept. Hazard: longer than the backend keeps it (Apache: 5 s), and requests are written into ' +
            'connections that are closing.',
        ),
      },
      { default: {}, description: 'Connections to the backends of the site.' },
    ),
    backendTls: object(
      {
        ca: Type.Optional(file('PEM file of the authorities to believe, in place of the system’s.')),
        servername: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 253,
            fix: 'write the name in the certificate',
            description: 'The name in the certificate, where it is not the host of the URL.',
          }),
        ),
        verify: Type.Boolean({
          default: true,
          fix: 'write true or false',
          description:
            'Believe only a valid certificate. Hazard: with false, whoever sits between can read and change everything.',
        }),
        cert: Type.Optional(
          file(
            'PEM file of a certificate to show to backends that ask for one (mTLS), and its chain. Read at the start and by `sekisho reload`.',
          ),
        ),
        key: Type.Optional(file('PEM file of its private key.')),
      },
      { default: {}, description: 'How https and h2 backends are believed.' },
    ),
    websocket: Type.Boolean({
      default: false,
      fix: 'write true or false',
      description:
        'Carry WebSocket upgrades to the backend. Hazard: after the upgrade bytes are passed on unread, both ways, so turn it ' +
        'on only where the application speaks WebSocket. Not to backends of HTTP/2 (`h2c://`, `h2://`).',
    }),
    headers: object(
      {
        response: headerEdits(
          'Headers of the answers that backends give, such as `Strict-Transport-Security: max-age=63072000`. What Sekisho says itself has ' +
            'none of them. `Alt-Svc` of a backend is always removed: it leads clients past the checkpoint; one of your own may be set.',
        ),
        request: headerEdits(
          'Headers of the requests that backends get. Where one is set or removed, what a client sends under that name does not pass, ' +
            'written with `_` for `-` neither. Not `Host` and the fields that tell of the client: those are written by Sekisho.',
        ),
      },
      { default: {}, description: 'Headers to set, add or remove.' },
    ),
    maxBody: Type.Optional(
      Type.String({
        pattern: sizePattern,
        format: 'sekisho-size',
        fix: 'write a number and B, KiB, MiB or GiB, such as 10MiB: at least 1KiB, at most 1024GiB',
        description:
          'The longest body of a request; a longer one gets 413, before a backend is asked where its length is told. Left out: as ' +
          'long as the backend takes.',
      }),
    ),
    policy: Type.Optional(
      object(
        {
          preset: Type.Optional(word(presets, { description: `Preset for this site: ${presetWords}` })),
          methods: Type.Optional(
            methods({
              description: `The methods that pass for this site, in place of the global ones. ${methodWords}`,
            }),
          ),
          rules: Type.Optional(rules({})),
        },
        {
          description:
            'Policy for this site, over the global one. A rule set here wins over the same rule set globally, that one over ' +
            'any preset, and the preset set here over the global preset.',
        },
      ),
    ),
    rateLimit: Type.Optional(
      offOr(siteRateLimit, {
        description:
          'A limit of its own for this site, in place of the global one and counted apart; `false`: none.',
      }),
    ),
  },
  { description: 'Hosts that are ours, and the backend that serves them.' },
);

const admin = object({
  listen: listenAddress({
    default: '127.0.0.1:9090',
    description:
      'Address and port of dashboard, metrics and admin API. On other than a loopback address it needs `tls` or a `token` of ' +
      'your own. Hazard: without tls the token travels in the clear.',
  }),
  tls: Type.Optional(
    Type.Union([tlsFiles, acmeCertificates, certificatesOfSites], {
      fix: 'write { cert: FILE, key: FILE }, { acme: … } or { certificatesOf: sites }',
      description: 'Speak TLS here.',
    }),
  ),
  url: Type.Optional(
    Type.String({
      maxLength: 1024,
      format: 'sekisho-http-service',
      fix: 'write https://HOST or http://HOST:PORT',
      description: 'Where people reach the dashboard: alerts link to it. Left out, alerts hold no link.',
    }),
  ),
  token: Type.Optional(
    Type.String({
      minLength: 16,
      maxLength: 512,
      pattern: '^[A-Za-z0-9._~+/-]+=*$',
      fix: 'write 16 characters or more out of A-Z a-z 0-9 . _ ~ + / -, or leave it out and one is made at start',
      description:
        'The bearer token. Left out, one is made at start and printed once. Hazard: whoever reads the config reads it.',
    }),
  ),
});

export const schema = object(
  {
    listen: Type.Array(listener, {
      minItems: 1,
      default: ['127.0.0.1:8080'],
      fix: 'list one address and port or more',
      description: 'Where HTTP connections are accepted.',
    }),
    sites: Type.Array(site, {
      default: [],
      fix: 'list one site or more, with hosts and backend',
      description:
        'The hosts that are ours. A request for any other is foreign and never forwarded to where it points. May be left out ' +
        'where there is `smtp` or `decoys`: then nothing listens for HTTP, and `listen` is left out too.',
    }),
    trustedProxies: cidrs(
      'Peers whose X-Forwarded-For, -Proto and -Host are believed: the load balancers in front. Hazard: whoever can connect ' +
        'from such an address can pass for any client, ban others and dodge bans.',
    ),
    policy: object(
      {
        preset: word(presets, { default: 'default', description: `The starting point: ${presetWords}` }),
        methods: methods({
          default: [registeredMethods],
          description: `The methods that pass; any other one is refused as \`method-unknown\`. ${methodWords}`,
        }),
        rules: rules({ default: {} }),
      },
      { default: {}, description: 'What is done about each rule.' },
    ),
    via: Type.Boolean({
      default: false,
      fix: 'write true or false',
      description:
        'Send a Via line to backends and clients (RFC 9110 section 7.6.3). Hazard: scanners read Via in a response as the mark ' +
        'of a proxy and come back.',
    }),
    timeouts: object(
      {
        connect: timeout(
          '5s',
          'How long connecting to a backend may take; then the next one is tried, or 502 sent.',
        ),
        headers: timeout(
          '60s',
          'How long a backend may keep silent until the head of its response; then 504.',
        ),
        body: timeout('60s', 'How long a body may stand still, either way; then the connection is closed.'),
        idle: timeout('60s', 'How long a kept-alive client connection may wait for its next request.'),
        upgrade: timeout('5m', 'How long an upgraded connection (WebSocket) may be silent both ways.'),
        minRate: Type.Integer({
          default: 500,
          minimum: 0,
          fix: 'write a number of bytes',
          description:
            'Bytes a second that the body of a request has to come with, looked at every 10 seconds; a slower one gets 408. ' +
            'Hazard: without it one client holds the connections to a backend with bodies that trickle. 0: any rate will do.',
        }),
        drain: timeout('10s', 'How long requests under way may go on after SIGTERM; then they are cut off.'),
      },
      {
        default: {},
        description: 'Bounds in time. Each is at least 1ms and at most 1d: nothing waits for ever.',
      },
    ),
    limits: object(
      {
        headerBytes: size(
          '16KiB',
          'The longest head of a request, request line included; a longer one gets 431.',
        ),
        requestHeaders: timeout(
          '10s',
          'How long a client may take to send the head of a request; then 408. Keeps slow senders from holding connections.',
        ),
        bufferedBody: size(
          '64KiB',
          'As much of the body of a request is taken from the client before a connection to a backend is, so that a slow ' +
            'sender holds none. A longer body is passed on as it comes.',
        ),
        connectionsPerClient: Type.Integer({
          default: 256,
          minimum: 1,
          fix: 'write a number of connections',
          description:
            'The most connections of one client at a time; a further one is closed at once. Trusted proxies and `bans.allow` ' +
            'may have any number.',
        }),
      },
      { default: {}, description: 'Bounds on what a client may send.' },
    ),
    bans: offOr(bans, {
      default: {},
      description: 'Bans for clients that keep probing; `false` turns them off.',
    }),
    rateLimit: offOr(rateLimit, {
      default: {},
      description: 'A limit on requests per client; `false` turns it off.',
    }),
    fleet: offOr(fleet, {
      default: false,
      description:
        'Share bans, request counts and probe events with other gateways; `false`: this one stands alone.',
    }),
    admin: offOr(admin, {
      default: false,
      description: 'Dashboard, metrics and admin API on a listener of their own; `false`: none.',
    }),
    journal: offOr(journal, {
      default: false,
      description:
        'Keeps probe events in a file; `false`: with `admin` the latest are kept in memory, and gone with the process.',
    }),
    alerts: offOr(alerts, {
      default: false,
      description:
        'Messages about probes, bans and trouble, by webhook, ntfy, Gotify, Telegram, PagerDuty, Alertmanager, mail and syslog; `false`: none.',
    }),
    otel: offOr(otel, {
      default: false,
      description:
        'OpenTelemetry: traces of requests, and events as logs; `false`: none. Credentials of the collector stand in the environment: `OTEL_EXPORTER_OTLP_HEADERS`.',
    }),
    geo: offOr(geo, {
      default: false,
      description:
        'Where clients are from, by databases on this machine: told in the dashboard, the API, alerts, abuse reports and metrics; `false`: not told. ' +
        'Nobody outside is asked.',
    }),
    decoys: decoysSchema,
    smtp: offOr(smtpSchema, {
      default: false,
      description:
        'The mail guard: a proxy in front of a mail server that judges every recipient by where the mail would really go. ' +
        '`false`: none.',
    }),
    acme: acmeFolder,
    workers: Type.Union(
      [
        Type.Integer({ minimum: 1, maximum: 256, fix: 'write a whole number from 1 to 256, or auto' }),
        Type.Literal('auto'),
      ],
      {
        default: 1,
        fix: 'write a whole number from 1 to 256, or auto',
        description: 'Processes that share the listeners; `auto`: one for each processor.',
      },
    ),
    user: account(
      'User to become once every listener is bound, so that ports below 1024 need no root afterwards; `false`: the one that ' +
        'started it. Hazard: a reload reads the config and the keys of TLS as this user.',
    ),
    group: account("Group to become with `user`; `false`: the user's own."),
    log: object(
      {
        file: Type.Optional(
          Type.String({
            minLength: 1,
            fix: 'name a file, or take it out for stderr',
            description:
              'The file the log is appended to, by every process; without it stderr. SIGHUP and SIGUSR2 open it anew, so that logrotate ' +
              'can move it; copytruncate does as well.',
          }),
        ),
        level: word(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
          default: 'info',
          description: 'The least level that is logged.',
        }),
        format: word(['auto', 'json', 'pretty', 'ecs'], {
          default: 'auto',
          description:
            '`json`: one object a line; `ecs`: the same by the names of the Elastic Common Schema; `pretty`: for people; `auto`: pretty on a terminal, ' +
            'else json; in a file json.',
        }),
        access: Type.Unsafe<boolean | 'json' | 'combined'>({
          enum: [false, true, 'json', 'combined'],
          default: false,
          fix: 'write false, json or combined',
          description:
            'A line for each request that was passed on: `json` (`true` is the same) as entries of the log; `combined` in the Combined Log Format ' +
            'that GoAccess and AWStats read, in `access.log` in the folder of `file`, or on stderr between the rest. Times are UTC. `false`: ' +
            'none. Probes are logged whatever this says.',
        }),
      },
      { default: {}, description: 'The log.' },
    ),
  },
  {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'The config of sekisho',
    description: 'A checkpoint in front of web and mail servers that turns relay abuse away.',
  },
);

/** The config as written, defaults filled in, before `load` turns its texts into values. */
export type ConfigDocument = Static<typeof schema>;

/** Plain JSON, as it is validated by and written to `config/sekisho.schema.json`. */
export const jsonSchema = (from: TSchema = schema): object => JSON.parse(JSON.stringify(from)) as object;
