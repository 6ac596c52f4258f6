/** The schema of the config's `decoys` section. Runs at build time only. */
import type { Static } from 'typebox';
import Type from 'typebox';
import type { DecoyOptions } from './options.ts';
import type { Skin } from './refusals.ts';

const duration = (standard: string, description: string) =>
  Type.String({
    pattern: '^[1-9][0-9]{0,8}(?:ms|s|m|h|d)$',
    format: 'sekisho-timeout',
    fix: 'write a number and ms, s, m, h or d, such as 250ms, 10s or 1d: at least 1ms, at most 1d',
    default: standard,
    description,
  });

const count = (standard: number, description: string) =>
  Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: standard,
    fix: 'write a whole number from 1 to 1000000',
    description,
  });

/** One entry of the `decoys` section. */
const decoySchema = Type.Object(
  {
    listen: Type.String({
      pattern: '^(?:[0-9.]+|\\[[0-9A-Fa-f.:]+\\]):[0-9]{1,5}$',
      format: 'sekisho-listen',
      fix: 'write ADDR:PORT such as 0.0.0.0:3128 or "[::]:3128"',
      description:
        'Address and port; IPv6 in brackets. Ports that scanners try: 8080, 3128 and 8090 (http-proxy), 1080 (socks), 25 (smtp), ' +
        '443 and 8443 (tls), 3478 (turn).',
    }),
    speaks: Type.Unsafe<DecoyOptions['speaks']>({
      type: 'string',
      enum: ['http-proxy', 'socks', 'smtp', 'tls', 'turn'],
      fix: 'write http-proxy, socks, smtp, tls or turn',
      description:
        'What the port pretends to be. `http-proxy` and `socks` wait for a request in any protocol and refuse it; `tls` does so after ' +
        'a handshake with a self-signed certificate; `smtp` plays along up to AUTH and RCPT, which it refuses; `turn` asks ' +
        'for credentials over TCP, and refuses them. None ever connects anywhere, looks up a name, or claims to have granted anything.',
    }),
    skin: Type.Unsafe<Skin>({
      type: 'string',
      enum: ['squid', 'ccproxy', '3proxy', 'plain'],
      default: 'plain',
      fix: 'write squid, ccproxy, 3proxy or plain',
      description:
        'The proxy that a refusal over HTTP imitates. `plain`: 403, or 405 for CONNECT, without a body. Never a success.',
    }),
    realm: Type.String({
      pattern: '^[A-Za-z0-9 ._-]{0,64}$',
      default: '',
      fix: 'write at most 64 letters, digits, spaces, dots, underscores and hyphens',
      description:
        'Ask for a user name and password for this realm: with 407 over HTTP and 401 over TURN. They are recorded as ' +
        'a keyed hash and refused. Empty: 403 over HTTP, and the realm `turn` over TURN.',
    }),
    tarpit: Type.Boolean({
      default: false,
      fix: 'write true or false',
      description:
        'Send the refusal a byte a second, to slow the sender down. A held connection costs about 10 KiB.',
    }),
    tarpitConnections: count(
      10_000,
      'Connections held in the tarpit at a time; further ones are answered at once.',
    ),
    tarpitTime: duration('10m', 'How long a connection is held in the tarpit.'),
    connections: count(
      10_000,
      'Connections at a time, those in the tarpit not counted; further ones are closed without a byte.',
    ),
    messageTime: duration('10s', 'How long to wait for the first message, and for each next one.'),
  },
  {
    additionalProperties: false,
    description: 'A port that pretends to be a relay, records who asks it to relay, and refuses.',
  },
);

/** The `decoys` section of the config. */
export const decoysSchema = Type.Array(decoySchema, {
  default: [],
  description: 'Decoys on ports that relay scanners try. Use ports where no real service listens.',
});

/** An entry as validated, its defaults filled in. */
export type DecoyDocument = Static<typeof decoySchema>;
