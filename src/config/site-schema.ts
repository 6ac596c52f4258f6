/** The part of the schema about a site: its hosts, its backends and its own settings. */
import Type from 'typebox';
import { presets } from '../rules/catalogue.ts';
import { siteRateLimit } from './client-schema.ts';
import { sizePattern } from './quantity.ts';
import { methods, methodWords, presetWords, rules } from './rule-schema.ts';
import { file, object, offOr, timeout, word } from './schema-parts.ts';

const hostEntry = Type.String({
  minLength: 1,
  maxLength: 260,
  format: 'sekisho-host',
  fix: 'write a name such as www.example.net, "*.example.net", or an address',
  description:
    'A host that is ours: a name (in Unicode or as A-labels), `*.name` for every name below it, an IPv4 or a ' +
    'bracketed IPv6 address. Optionally with `:port`, a port that requests may name besides those of the listeners, ' +
    'or `:*` for any port. Every other host is foreign, and requests for it are refused.',
});

const backendUrl = Type.String({
  minLength: 1,
  maxLength: 2048,
  format: 'sekisho-backend',
  fix: 'write http://HOST:PORT, https://HOST:PORT, h2c://HOST:PORT, unix:/PATH or welcome',
  description:
    'Where requests are forwarded to: `http://HOST:PORT`, `https://HOST:PORT`, `unix:/path/to.sock`; by HTTP/2, as gRPC needs it, `h2c://HOST:PORT` ' +
    '(in the clear) or `h2://HOST:PORT` (over TLS); or `welcome`, the built-in page. Without path, query and credentials. Nothing outside this list is ever dialled.',
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
        description: 'Share of the requests, relative to the weights of the other backends of the site.',
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
      'The path that is requested, with the name of the site as Host. A status below 400 is healthy. For an HTTP/2 backend, ' +
      '`/grpc.health.v1.Health/Check` uses the gRPC health protocol: SERVING is healthy.',
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
    description: 'Bad answers in a row until the backend is ejected.',
  }),
});

const headerEdits = (description: string) =>
  Type.Record(Type.String(), Type.Unknown(), {
    default: {},
    fix: 'write a map: `NAME: VALUE` sets a header, replacing any that is there; `NAME: { add: VALUE }` adds one; `NAME: false` removes it',
    description: `${description} Headers that frame a message or belong to one connection can't be changed.`,
  });

export const site = object(
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
        'Which of several backends gets a request: each in turn; in turn by `weight`; the one with the fewest requests in ' +
        'flight for its weight; or always the same one for a client, for applications that keep a session in one process (Socket.IO ' +
        'with long polling). `client-hash` identifies a client by its address (IPv6: the /64) and spreads clients by a hash and `weight`: when a ' +
        'backend is ejected, its clients move to others, and back when it is healthy again. Hazard: all clients behind one NAT get the same backend. ' +
        '`cookie` identifies a client by the cookie `sekisho-backend`, which is set with the first answer, in turn by `weight`: when a backend is ' +
        'ejected, its clients move to others and stay there. A backend that failed three requests in a row is ejected for 1 s, 2 s, 4 s … up to a minute.',
    }),
    cookieSecret: Type.Optional(
      Type.String({
        minLength: 16,
        maxLength: 1024,
        fix: 'write 16 characters or more, such as `openssl rand -hex 16` prints',
        description:
          'The key that the cookies of `balance: cookie` are made with. Gateways in front of the same backends need the same key. By default one ' +
          'is made at start, and after a restart clients are spread again. Hazard: anyone who knows the key can read the addresses of backends from cookies.',
      }),
    ),
    health: offOr(health, {
      default: false,
      description:
        'Check each backend at intervals, each time on a new connection of its own; `false`: only the outcome of requests ' +
        'decides which backends are healthy.',
    }),
    connections: object(
      {
        max: Type.Integer({
          minimum: 1,
          maximum: 100_000,
          default: 512,
          fix: 'write a whole number from 1 to 100000',
          description:
            'Maximum of connections to one backend at a time, per worker; over HTTP/2, of requests.',
        }),
        queue: Type.Integer({
          minimum: 0,
          maximum: 1_000_000,
          default: 1024,
          fix: 'write a whole number from 0 to 1000000',
          description:
            'Maximum of requests that wait for a connection; further ones get 503 with Retry-After.',
        }),
        wait: timeout('10s', 'How long a request may wait for a connection; then 503.'),
        idle: timeout(
          '4s',
          'How long an idle connection is kept. Hazard: if the backend closes idle connections sooner (Apache: 5 s), requests are written ' +
            'into connections that are closing.',
        ),
      },
      { default: {}, description: 'Connections to the backends of the site.' },
    ),
    backendTls: object(
      {
        ca: Type.Optional(file('PEM file of the authorities to trust instead of those of the system.')),
        servername: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 253,
            fix: 'write the name in the certificate',
            description: 'The name in the certificate, if it is not the host of the URL.',
          }),
        ),
        verify: Type.Boolean({
          default: true,
          fix: 'write true or false',
          description:
            'Accept only a valid certificate. Hazard: with false, anyone on the network path can read and change everything.',
        }),
        cert: Type.Optional(
          file(
            'PEM file of a certificate to show to backends that ask for one (mTLS), and its chain. Read at the start and by `sekisho reload`.',
          ),
        ),
        key: Type.Optional(file('PEM file of its private key.')),
      },
      { default: {}, description: 'How the certificates of https and h2 backends are checked.' },
    ),
    websocket: Type.Boolean({
      default: false,
      fix: 'write true or false',
      description:
        'Carry WebSocket upgrades to the backend. Hazard: after the upgrade, bytes are passed on unread both ways, so turn it ' +
        'on only if the application speaks WebSocket. Not available for HTTP/2 backends (`h2c://`, `h2://`).',
    }),
    headers: object(
      {
        response: headerEdits(
          'Headers of the responses of backends, such as `Strict-Transport-Security: max-age=63072000`. Responses that Sekisho makes itself do not ' +
            'have them. The `Alt-Svc` of a backend is always removed, since it leads clients past the checkpoint; you may set your own.',
        ),
        request: headerEdits(
          'Headers of the requests that backends get. If one is set or removed here, a header of that name from a client does not pass, ' +
            "nor one written with `_` for `-`. `Host` and the fields about the client are written by Sekisho and can't be changed.",
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
          'The longest body of a request; a longer one gets 413, before any backend is contacted if the request declares its length. Default: no ' +
          'limit of Sekisho.',
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
            'Policy for this site, over the global one. A rule set here beats the same rule set globally, which beats ' +
            'any preset; the preset set here beats the global preset.',
        },
      ),
    ),
    rateLimit: Type.Optional(
      offOr(siteRateLimit, {
        description:
          'A limit for this site, in place of the global one and counted separately; `false`: none.',
      }),
    ),
  },
  { description: 'Hosts that are ours, and the backend that serves them.' },
);
