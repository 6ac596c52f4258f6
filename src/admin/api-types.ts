/** Requests and answers of the admin API as TypeBox schemas: the source of the TypeScript types and of the OpenAPI document. */
import type { Static, TSchema } from 'typebox';
import { reportFormats } from '../reports/formats.ts';
import { ruleIds } from '../rules/catalogue.ts';
import Type from './json-schema.ts';

const time = (description: string) => Type.String({ format: 'date-time', description });
const word = <const T extends string>(words: readonly T[], description: string) =>
  Type.Unsafe<T>({ type: 'string', enum: [...words], description });

const moment = (description: string) =>
  Type.Optional(
    Type.String({
      maxLength: 40,
      description: `${description}: ISO 8601, or milliseconds since the epoch.`,
    }),
  );

const filter = {
  rule: Type.Optional(word(ruleIds, 'A rule of the catalogue.')),
  client: Type.Optional(Type.String({ maxLength: 64, description: 'An address or a prefix.' })),
  site: Type.Optional(Type.String({ maxLength: 255, description: 'The first host of a site.' })),
  action: Type.Optional(word(['flag', 'block'], 'The action taken.')),
  intent: Type.Optional(Type.String({ maxLength: 40, description: 'What the sender was after.' })),
  text: Type.Optional(
    Type.String({ maxLength: 200, description: 'Text in the destination or the request.' }),
  ),
  from: moment('Start of the range'),
  to: moment('End of the range, exclusive'),
};

export const EventsQuery = Type.Object(
  {
    ...filter,
    limit: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 100,
      description: 'Maximum number of events in the answer.',
    }),
    before: Type.Optional(Type.String({ maxLength: 40, description: '`next` of the previous page.' })),
  },
  { additionalProperties: false },
);
export type EventsQuery = Static<typeof EventsQuery>;

export const ExportQuery = Type.Object(
  {
    ...filter,
    format: Type.Optional(word(['csv', 'json'], 'csv (the default), or json: one object per line.')),
  },
  { additionalProperties: false },
);
export type ExportQuery = Static<typeof ExportQuery>;

export const RangeQuery = Type.Object(
  {
    from: moment('Start of the range; default: a day ago'),
    to: moment('End of the range, exclusive; default: now'),
  },
  { additionalProperties: false },
);
export type RangeQuery = Static<typeof RangeQuery>;

export const ReportQuery = Type.Object(
  {
    client: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'The source: an address or a prefix. Required for `text`, `html` and `xarf`; without it the lists cover all sources of the last day.',
      }),
    ),
    format: Type.Optional(
      word(
        reportFormats,
        'About one source, for its abuse contact: text (the default, a mail), html (a page to print), xarf (for programs). Lists to share: abuseipdb (CSV), blocklist-de (one form per line), stix (2.1), misp.',
      ),
    ),
    contact: Type.Optional(
      Type.String({
        maxLength: 200,
        pattern: '^[^\\s<>@,;]+@[^\\s<>@,;]+$',
        description: 'Your mail address.',
      }),
    ),
    from: moment('Start of the range'),
    to: moment('End of the range, exclusive'),
  },
  { additionalProperties: false },
);
export type ReportQuery = Static<typeof ReportQuery>;

export const ApiError = Type.Object({
  error: Type.String({ description: 'What is wrong, and how to fix it.' }),
});

const orNull = <T extends TSchema>(type: T, description: string) =>
  Type.Union([type, Type.Null()], { description });
/** Where an address is from. Each is null if it is unknown, or if `geo` names no file for it. */
export const originFields = {
  country: orNull(Type.String(), 'Country of the client, ISO 3166-1 alpha-2 (`DE`); null: unknown.'),
  asn: orNull(Type.Integer(), 'Number of the autonomous system of the client; null: unknown.'),
  network: orNull(Type.String(), 'Operator of that network; null: unknown.'),
};

const eventFields = {
  id: Type.Integer({ description: 'Id of the event.' }),
  time: time('Time of the first probe folded into this event.'),
  last: time('Time of the last one.'),
  count: Type.Integer({
    description:
      'Number of probes of the same client, listener, rule, protocol and destination folded into it, within ten minutes.',
  }),
  listener: Type.String({ description: 'The listener that received it: `http 127.0.0.1:8080`.' }),
  client: Type.String({ description: 'Address of the client.' }),
  prefix: Type.String({ description: 'The prefix the client is counted and banned by.' }),
  site: Type.Union([Type.String(), Type.Null()], {
    description: 'First host of the site; null: none of our sites.',
  }),
  action: word(['allow', 'flag', 'block'], 'The action taken.'),
  rule: Type.String({ description: 'The rule that decided the verdict.' }),
  rules: Type.Array(Type.String(), { description: 'Every rule matched.' }),
  intent: Type.String({ description: 'What the sender was after.' }),
  destination: Type.Union([Type.String(), Type.Null()], { description: 'What the sender wanted to reach.' }),
  answer: Type.Union([Type.Integer(), Type.Literal('drop'), Type.Null()], {
    description:
      'HTTP status, or reply code of the protocol (SMTP, SOCKS, TURN); `drop`: closed without an answer; null: forwarded.',
  }),
  why: Type.String({ description: 'One sentence.' }),
  request: Type.String({ description: 'The request line, or the first bytes, escaped.' }),
  counts: Type.Optional(
    orNull(
      Type.Boolean(),
      'Whether it counts towards a ban: the sender must have meant it. True only if it is true of every probe folded into the event; null: written before this was recorded.',
    ),
  ),
  clientPort: Type.Optional(
    orNull(Type.Integer(), 'TCP port of the client, for the first probe; null: unknown, as behind a proxy.'),
  ),
  localAddress: Type.Optional(orNull(Type.String(), 'Our address.')),
  localPort: Type.Optional(orNull(Type.Integer(), 'Our TCP port.')),
  session: Type.Optional(orNull(Type.String(), 'Id of the connection.')),
  sni: Type.Optional(orNull(Type.String(), 'Server name in the TLS handshake.')),
  protocol: Type.Optional(orNull(Type.String(), 'Protocol spoken: `http/1.1`, `h2`, `smtp`, `socks5` …')),
  command: Type.Optional(
    orNull(Type.String(), 'SOCKS command sent to a decoy: `connect`, `bind`, `associate`.'),
  ),
  credentialHash: Type.Optional(
    orNull(
      Type.String(),
      'Keyed hash of the name and password offered to a decoy. The key is made at start and never stored: until the program stops, ' +
        'equal hashes mean equal credentials, and no password list can be tried against them.',
    ),
  ),
  ...originFields,
};

export const ApiEvent = Type.Object(eventFields);
export type ApiEvent = Static<typeof ApiEvent>;

export const EventsAnswer = Type.Object({
  events: Type.Array(ApiEvent, { description: 'Newest first.' }),
  next: Type.Union([Type.String(), Type.Null()], {
    description: 'Send it as `before` for the next page; null: this is the last page.',
  }),
  cut: Type.Boolean({
    description:
      'Whether the search hit its time limit: older events were not searched yet; `next` continues there.',
  }),
});

const JudgedNow = Type.Object({
  verdict: word(['allow', 'flag', 'block'], 'The action it would get now.'),
  rule: Type.Union([Type.String(), Type.Null()]),
  answer: Type.Union([Type.Integer(), Type.Literal('drop'), Type.Null()]),
  why: Type.String(),
  signals: Type.Array(
    Type.Object({
      rule: Type.String(),
      action: Type.String(),
      what: Type.String({ description: 'What was seen.' }),
      start: Type.Integer({ description: 'Offset in `bytes`.' }),
      end: Type.Integer({ description: 'Offset after the last character.' }),
    }),
  ),
});

const bannedBy = Type.Union([Type.String(), Type.Null()], {
  description: 'Prefix of the ban in force for it; `list`: an imported list; null: not banned.',
});

export const ApiEventInFull = Type.Object({
  ...eventFields,
  bannedBy,
  bytes: Type.String({ description: 'The bytes received: truncated, credentials redacted, escaped.' }),
  explained: Type.Object(
    {
      title: Type.String(),
      seeks: Type.String(),
      reference: Type.String(),
    },
    { description: 'The rule.' },
  ),
  judgedNow: Type.Union([Type.Null(), JudgedNow], {
    description:
      'The same bytes judged by the current policy, as at a web listener; null if they came neither to a web listener nor to an HTTP, SOCKS or TLS decoy.',
  }),
});
export type ApiEventInFull = Static<typeof ApiEventInFull>;

const counted = <T extends Record<string, ReturnType<typeof Type.String>>>(fields: T) =>
  Type.Array(Type.Object({ ...fields, count: Type.Integer() }));

export const SummaryAnswer = Type.Object({
  from: time('Start of the range.'),
  to: time('End of the range.'),
  total: Type.Integer({ description: 'Probes in the range.' }),
  banned: Type.Integer({
    description: 'Requests of banned clients in the range: not counted as probes, and in none of the tables.',
  }),
  rules: counted({ rule: Type.String(), action: Type.String() }),
  series: Type.Object({
    step: Type.Integer({ description: 'Milliseconds between two points.' }),
    points: Type.Array(
      Type.Object({
        time: Type.Integer({ description: 'Milliseconds since the epoch.' }),
        rule: Type.String(),
        count: Type.Integer(),
      }),
      { description: 'Non-empty points only.' },
    ),
    banned: Type.Array(Type.Object({ time: Type.Integer(), count: Type.Integer() }), {
      description: 'Requests of banned clients, at the same points.',
    }),
  }),
  sources: Type.Array(
    Type.Object({
      prefix: Type.String(),
      count: Type.Integer(),
      first: orNull(
        Type.String({ format: 'date-time' }),
        'First seen, as far back as the journal goes; null: its events have been deleted.',
      ),
      last: time('The last probe.'),
      rule: Type.Union([Type.String(), Type.Null()], { description: 'Rule of its latest event.' }),
      why: Type.Union([Type.String(), Type.Null()], { description: '`why` of its latest event.' }),
      bannedBy,
      ...originFields,
    }),
    {
      description: 'The busiest prefixes; for a range up to two hours, those of its newest 30,000 events.',
    },
  ),
  intents: counted({ intent: Type.String() }),
  destinations: Type.Array(
    Type.Object({
      destination: Type.String(),
      intent: Type.Union([Type.String(), Type.Null()]),
      count: Type.Integer(),
    }),
    {
      description:
        'The most wanted destinations; for a range up to two hours, those of its newest 30,000 events.',
    },
  ),
  totals: Type.Array(
    Type.Object({
      rule: Type.String(),
      action: Type.String(),
      count: Type.Integer(),
      first: time('The first such probe.'),
    }),
    { description: 'All probes since the journal began.' },
  ),
});
export type SummaryAnswer = Static<typeof SummaryAnswer>;
