/** The part of the schema about watching: journal, alerts, traces. */
import Type from 'typebox';
import { sizePattern } from './quantity.ts';
import { object, span } from './schema-parts.ts';

const fileName = (description: string, standard?: string) =>
  Type.String({
    minLength: 1,
    fix: 'write a file name',
    description,
    ...(standard === undefined ? {} : { default: standard }),
  });

const yesNo = (standard: boolean, description: string) =>
  Type.Boolean({ default: standard, fix: 'write true or false', description });

/** Certificate and key of a listener that speaks TLS. */
export const tlsFiles = object(
  {
    cert: fileName(
      'PEM file of the certificate, followed by its intermediates. If the certificate demands OCSP stapling (must-staple), its responder is asked.',
    ),
    key: fileName('PEM file of the private key.'),
  },
  { description: 'Certificate and key; relative names start at the folder of the config.' },
);

export const journal = object({
  path: fileName(
    'The SQLite file; relative names start at the folder of the config. SQLite keeps two more beside it (-wal, -shm). Needs a file ' +
      'system with working locks, so not a network share.',
    './sekisho.db',
  ),
  keep: span(
    '90d',
    'How long events are kept. Counts by rule are kept for ever. A clock that jumps ahead does not delete everything at once: the age limit moves by at most a day per hour.',
  ),
  maxSize: Type.String({
    pattern: sizePattern,
    format: 'sekisho-journal-size',
    fix: 'write a number and MiB or GiB, from 16MiB to 1024GiB',
    default: '1GiB',
    description:
      'Maximum size of the file. Events, bans and each kind of count have a share of it; what exceeds its share is deleted first, oldest ' +
      'first. The newest events are deleted last. The Health page says what was deleted.',
  }),
});

const webhookUrl = Type.String({
  maxLength: 2048,
  format: 'sekisho-http-service',
  fix: 'write http://HOST/PATH or https://HOST/PATH',
  description: 'The URL that messages are posted to as generic JSON.',
});

const webhook = object(
  {
    url: webhookUrl,
    style: Type.Unsafe<'generic' | 'slack' | 'discord' | 'teams'>({
      type: 'string',
      enum: ['generic', 'slack', 'discord', 'teams'],
      description: 'The format of the message: `generic` JSON, or that of Slack, Discord or Teams.',
    }),
    secret: Type.Optional(
      Type.String({
        minLength: 16,
        maxLength: 512,
        fix: 'write 16 characters or more',
        description:
          'The key that messages are signed with: `X-Sekisho-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 over `SECONDS.BODY`.',
      }),
    ),
  },
  { required: ['url'], description: 'A webhook.' },
);

const mail = object(
  {
    smarthost: Type.String({
      maxLength: 1024,
      format: 'sekisho-smarthost',
      fix: 'write smtp://HOST:PORT or smtps://USER:PASSWORD@HOST:PORT',
      description:
        'The mail server that takes the messages: `smtp://HOST:25`, `smtps://USER:PASSWORD@HOST:465`.',
    }),
    from: Type.String({
      pattern: '^[^\\s<>@,;]+@[^\\s<>@,;]+$',
      fix: 'write an address such as sekisho@example.net',
      description: 'The sender.',
    }),
    to: Type.Array(
      Type.String({
        pattern: '^[^\\s<>@,;]+@[^\\s<>@,;]+$',
        fix: 'write an address such as admin@example.net',
        description: 'A recipient.',
      }),
      { minItems: 1, maxItems: 32, fix: 'list one address or more', description: 'The recipients.' },
    ),
  },
  { description: 'Alerts by mail.' },
);

const syslogTarget = Type.String({
  maxLength: 300,
  format: 'sekisho-syslog',
  fix: 'write udp://HOST:514, tcp://HOST:601 or tls://HOST:6514',
  description: 'The syslog server. It gets RFC 5424 messages over UDP, TCP or TLS.',
});

const httpService = (fix: string, description: string, standard?: string) =>
  Type.String({
    maxLength: 2048,
    format: 'sekisho-http-service',
    fix,
    description,
    ...(standard === undefined ? {} : { default: standard }),
  });

const telegram = object(
  {
    token: Type.String({
      pattern: '^[0-9]+:[A-Za-z0-9_-]+$',
      fix: 'write the token that BotFather gave, 123456:ABC…',
      description: 'The token of the bot.',
    }),
    chat: Type.String({
      pattern: '^(?:-?[0-9]+|@[A-Za-z0-9_]+)$',
      fix: 'write the id of the chat in quotes, or @CHANNEL',
      description: 'The chat: its id in quotes, or `@CHANNEL`.',
    }),
    url: httpService('write https://HOST', 'The server of the Bot API.', 'https://api.telegram.org'),
  },
  { required: ['token', 'chat'], description: 'A Telegram chat.' },
);

const pagerduty = object(
  {
    routingKey: Type.String({
      pattern: '^[A-Za-z0-9]{16,64}$',
      fix: 'write the integration key of an Events API v2 integration',
      description: 'The integration key (Events API v2).',
    }),
    url: httpService(
      'write https://HOST/v2/enqueue',
      'Where events are posted to.',
      'https://events.pagerduty.com/v2/enqueue',
    ),
  },
  {
    required: ['routingKey'],
    description:
      'PagerDuty: a problem opens an incident, and its end resolves the incident. Notices are not sent.',
  },
);

export const alerts = object({
  ntfy: Type.Optional(
    httpService(
      'write https://HOST/TOPIC, or https://:TOKEN@HOST/TOPIC',
      'An ntfy topic: `https://ntfy.sh/TOPIC`. With an access token: `https://:TOKEN@HOST/TOPIC`.',
    ),
  ),
  gotify: Type.Optional(
    httpService('write https://HOST/message?token=TOKEN', 'Gotify: `https://HOST/message?token=TOKEN`.'),
  ),
  telegram: Type.Optional(telegram),
  pagerduty: Type.Optional(pagerduty),
  alertmanager: Type.Optional(
    httpService('write http://HOST:9093', 'A Prometheus Alertmanager: `http://HOST:9093`.'),
  ),
  language: Type.Unsafe<'en' | 'ja'>({
    type: 'string',
    enum: ['en', 'ja'],
    default: 'en',
    fix: 'write en or ja',
    description:
      'The language of messages to people: English, or Japanese (`ja`). Their `facts`, for programs, do not change.',
  }),
  daily: Type.Optional(
    Type.String({
      pattern: '^(?:[01][0-9]|2[0-3]):[0-5][0-9]$',
      fix: 'write a time of day in quotes, such as "08:00"',
      description:
        'Sends one message a day at this local time, about the time since the last one. Default: none.',
    }),
  ),
  webhook: Type.Optional(
    Type.Union(
      [webhookUrl, webhook, Type.Array(webhook, { maxItems: 16, description: 'Several webhooks.' })],
      {
        fix: 'write a URL, a map with url and style, or a list of such maps',
        description: 'Where messages are posted to.',
      },
    ),
  ),
  mail: Type.Optional(mail),
  syslog: Type.Optional(syslogTarget),
  name: Type.String({
    default: '',
    maxLength: 100,
    fix: 'write a short name',
    description: 'The name of this gateway in messages; empty: the host name of the machine.',
  }),
  digest: span(
    '1m',
    'An attack is reported when it begins and when it has been quiet for this long: two messages, however many probes.',
  ),
  when: object(
    {
      first: yesNo(true, 'The first probe of a rule since the journal began.'),
      rate: Type.Integer({
        default: 60,
        minimum: 0,
        maximum: 1_000_000,
        fix: 'write a whole number; 0 turns it off',
        description: 'More probes than this in a minute; 0: never.',
      }),
      ban: yesNo(true, 'A new ban.'),
      passed: yesNo(
        true,
        'A probe that preset `default` would have blocked was passed on to a backend, as `observe` does.',
      ),
      backend: yesNo(true, 'A backend is ejected, and is healthy again.'),
      journal: yesNo(true, "The journal can't be written, and can be written again."),
    },
    { default: {}, description: 'Which events are reported.' },
  ),
});

export const otel = object({
  endpoint: Type.String({
    default: 'http://127.0.0.1:4318/v1/traces',
    maxLength: 2048,
    format: 'sekisho-http-service',
    fix: 'write http://HOST:4318/v1/traces',
    description: 'The collector that takes spans over OTLP/HTTP.',
  }),
  logs: Type.Unsafe<boolean | string>({
    type: ['boolean', 'string'],
    maxLength: 2048,
    format: 'sekisho-http-service',
    default: false,
    fix: 'write true, or http://HOST:4318/v1/logs',
    description:
      'Send events and bans as OpenTelemetry logs over OTLP/HTTP (JSON): to a URL, or with `true` to the same collector (`…/v1/logs`). Loki, Elastic, ClickHouse and ' +
      'others accept them. While a collector is unreachable, up to 2048 rows of events are kept and sent later; further ones are counted as lost, and are in the journal.',
  }),
  sample: Type.Number({
    default: 0.01,
    minimum: 0,
    maximum: 1,
    fix: 'write a number from 0 to 1',
    description:
      'Share of the requests that are traced; 0: none. Hazard: a traced request costs several times as much as an ordinary one.',
  }),
});

export const geo = object(
  {
    country: Type.Optional(
      fileName(
        'An MMDB file of countries or cities: GeoLite2 Country, DB-IP Country Lite and the like. Read again when it changes; if the new file ' +
          'is unusable, that is logged and the previous one stays in use.',
      ),
    ),
    asn: Type.Optional(
      fileName('An MMDB file of networks (autonomous systems): GeoLite2 ASN, DB-IP ASN Lite and the like.'),
    ),
  },
  { minProperties: 1 },
);
