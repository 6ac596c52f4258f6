/** The `decoys` section of the config, as its schema says it. Not loaded by the program. */
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
        'Address and port; IPv6 in brackets. Ports that are looked for: 8080, 3128 and 8090 (http-proxy), 1080 (socks), 25 (smtp), ' +
        '443 and 8443 (tls), 3478 (turn).',
    }),
    speaks: Type.Unsafe<DecoyOptions['speaks']>({
      type: 'string',
      enum: ['http-proxy', 'socks', 'smtp', 'tls', 'turn'],
      fix: 'write http-proxy, socks, smtp, tls or turn',
      description:
        'What the port seems to be. `http-proxy` and `socks` wait for what comes and refuse it, whatever it speaks; `tls` does so behind ' +
        'a handshake with a self-signed certificate; `smtp` goes on up to AUTH and RCPT, which it refuses; `turn` asks ' +
        'for credentials over TCP, and refuses them. None ever connects anywhere, looks up a name, or says that it granted anything.',
    }),
    skin: Type.Unsafe<Skin>({
      type: 'string',
      enum: ['squid', 'ccproxy', '3proxy', 'plain'],
      default: 'plain',
      fix: 'write squid, ccproxy, 3proxy or plain',
      description:
        'Whose words a refusal over HTTP has. `plain`: 403, or 405 for CONNECT, without a body. It is never a success.',
    }),
    realm: Type.String({
      pattern: '^[A-Za-z0-9 ._-]{0,64}$',
      default: '',
      fix: 'write at most 64 letters, digits, spaces, dots, underscores and hyphens',
      description:
        'Asks for a user name and a password of this realm, over HTTP with 407 and by TURN with 401. What is offered is recorded as ' +
        'a keyed hash and refused. Empty: 403 over HTTP, and the realm `turn` by TURN.',
    }),
    tarpit: Type.Boolean({
      default: false,
      fix: 'write true or false',
      description:
        'Send the refusal a byte a second, to hold the sender up. A held connection costs about 10 KiB.',
    }),
    tarpitConnections: count(
      10_000,
      'Connections held in the tarpit at a time; what comes beyond is answered at once.',
    ),
    tarpitTime: duration('10m', 'How long a connection is held in the tarpit.'),
    connections: count(
      10_000,
      'Connections at a time, those in the tarpit not counted; further ones are closed without a byte.',
    ),
    messageTime: duration('10s', 'For the first message to come, and in a conversation for the next one.'),
  },
  {
    additionalProperties: false,
    description: 'A port that seems to be a relay, records who asks it to, and refuses.',
  },
);

/** The `decoys` section of the config. */
export const decoysSchema = Type.Array(decoySchema, {
  default: [],
  description: 'Decoys on the ports that relay scanners try. They belong where no real service listens.',
});

/** An entry as validated, its defaults filled in. */
export type DecoyDocument = Static<typeof decoySchema>;
