/** The part of the schema about clients: bans, limits, and the fleet that shares both. */
import Type from 'typebox';
import { durationPattern } from './quantity.ts';
import { cidrs, durationFix, object, span, timeout } from './schema-parts.ts';

export const bans = object({
  after: Type.Integer({
    minimum: 1,
    maximum: 1000,
    default: 5,
    fix: 'write a whole number from 1 to 1000',
    description: 'Blocked probes by one client (an IPv4 address, an IPv6 /64) until it is banned.',
  }),
  within: span('10m', 'The window in which those probes are counted.'),
  for: Type.Array(
    Type.String({
      pattern: durationPattern,
      format: 'sekisho-duration',
      fix: `${durationFix}: at most 3650d`,
      description: 'Length of a ban.',
    }),
    {
      minItems: 1,
      maxItems: 16,
      default: ['10m', '1h', '1d'],
      fix: 'list one time or more, such as [10m, 1h, 1d]',
      description: 'How long the first, second, third … ban of a client lasts; the last one repeats.',
    },
  ),
  allow: cidrs(
    'Prefixes that are never banned, whatever they send. The allow-list beats every ban. A client behind 6to4, Teredo or NAT64 is ' +
      'also allowed by its IPv4 address.',
  ),
  answer: Type.Unsafe<403 | 'drop'>({
    enum: [403, 'drop'],
    default: 403,
    fix: 'write 403 or drop',
    description:
      'What a banned client gets: status 403, or `drop`, which closes the connection without a byte.',
  }),
  prefix6: Type.Integer({
    minimum: 48,
    maximum: 64,
    default: 64,
    fix: 'write a whole number from 48 to 64',
    description:
      'Bits of an IPv6 address that identify one client: 64, or what your visitors are given, such as 56. In any case, the /56 or /48 ' +
      'around probing clients is banned once four, or eight, of them would be (never one that holds an address of `allow` or of ' +
      '`trustedProxies`).',
  }),
  lists: Type.Array(
    Type.String({ minLength: 1, fix: 'write a file name', description: 'A file of prefixes.' }),
    {
      default: [],
      description:
        'Files of prefixes that are always banned, one per line; `#` starts a comment. Relative names start at the folder of the ' +
        'config. Hazard: a list from elsewhere can name your own networks; put those under `allow`.',
    },
  ),
});

const rateBounds = {
  max: Type.Integer({
    minimum: 1,
    maximum: 1_000_000_000,
    default: 1000,
    fix: 'write a whole number, 1 or more',
    description:
      'Requests that one client (an IPv4 address, an IPv6 /64) may make in the window; more get 429.',
  }),
  timeWindow: timeout('1m', 'Length of the window.'),
};

export const rateLimit = object({
  ...rateBounds,
  allow: cidrs('Prefixes that are not limited, such as a monitor, or an office behind one address.'),
});

export const siteRateLimit = object(rateBounds);

export const fleet = object({
  valkey: Type.String({
    minLength: 1,
    maxLength: 1024,
    format: 'sekisho-valkey',
    fix: 'write redis://HOST:PORT, or rediss://USER:PASSWORD@HOST:PORT/DB for TLS and a user',
    description:
      'The Valkey or Redis (7.0 or later) that the gateways of a fleet share: `redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]`, ' +
      '`rediss://` for TLS; `redis+cluster://HOST:PORT,HOST:PORT` for a cluster, with some of its nodes; ' +
      '`redis+sentinel://HOST:PORT,HOST:PORT/MASTER` the Sentinels that know the master of that name. Hazard: anyone who can write there can ban and unban for the whole fleet; give it a user of its own.',
  }),
  name: Type.String({
    pattern: '^[A-Za-z0-9._-]{1,64}$',
    default: 'sekisho',
    fix: 'write up to 64 characters out of A-Z a-z 0-9 . _ -',
    description: 'Prefix of every key and channel. Gateways with the same name are one fleet.',
  }),
  ca: Type.Optional(
    Type.String({
      minLength: 1,
      fix: 'write a file name',
      description:
        'PEM file of the authorities that may sign the certificate of a `rediss://` server. Default: those of the system.',
    }),
  ),
  cert: Type.Optional(
    Type.String({
      minLength: 1,
      fix: 'write a file name',
      description:
        'PEM file of the certificate that this gateway shows to a `rediss://` server. Needs `key`.',
    }),
  ),
  key: Type.Optional(
    Type.String({
      minLength: 1,
      fix: 'write a file name',
      description: 'PEM file of the private key of `cert`. Hazard: keep it readable by the program alone.',
    }),
  ),
  journal: Type.Boolean({
    default: false,
    fix: 'write true or false',
    description:
      'Whether the journal of this gateway stores the probe events of all gateways, so that its dashboard shows the fleet. One gateway is ' +
      'enough.',
  }),
});
