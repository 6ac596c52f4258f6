/** What the admin API answers, as TypeBox schemas: the types of the code and the words of the OpenAPI document. */
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
  action: Type.Optional(word(['flag', 'block'], 'What was done.')),
  intent: Type.Optional(Type.String({ maxLength: 40, description: 'What the sender was after.' })),
  text: Type.Optional(Type.String({ maxLength: 200, description: 'Words in destination or request.' })),
  from: moment('The first moment'),
  to: moment('The moment behind the last one'),
};

export const EventsQuery = Type.Object(
  {
    ...filter,
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Events in one answer.' }),
    before: Type.Optional(Type.String({ maxLength: 40, description: '`next` of the page before.' })),
  },
  { additionalProperties: false },
);
export type EventsQuery = Static<typeof EventsQuery>;

export const ExportQuery = Type.Object(
  {
    ...filter,
    format: Type.Optional(word(['csv', 'json'], 'csv (the default), or json, one object a line.')),
  },
  { additionalProperties: false },
);
export type ExportQuery = Static<typeof ExportQuery>;

export const RangeQuery = Type.Object(
  { from: moment('The first moment; a day ago'), to: moment('The moment behind the last one; now') },
  { additionalProperties: false },
);
export type RangeQuery = Static<typeof RangeQuery>;

export const ReportQuery = Type.Object(
  {
    client: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'The source: an address or a prefix. `text`, `html` and `xarf` need it; without it the lists are of all sources of a day.',
      }),
    ),
    format: Type.Optional(
      word(
        reportFormats,
        'text (the default), for the abuse contact of a source, html as a page to print, xarf for its programs; lists for sharing: abuseipdb (CSV), blocklist-de (a form a line), stix (2.1), misp.',
      ),
    ),
    contact: Type.Optional(
      Type.String({
        maxLength: 200,
        pattern: '^[^\\s<>@,;]+@[^\\s<>@,;]+$',
        description: 'Your mail address.',
      }),
    ),
    from: moment('The first moment'),
    to: moment('The moment behind the last one'),
  },
  { additionalProperties: false },
);
export type ReportQuery = Static<typeof ReportQuery>;

export const ApiError = Type.Object({ error: Type.String({ description: 'What is wrong, and the fix.' }) });

const orNull = <T extends TSchema>(type: T, description: string) =>
  Type.Union([type, Type.Null()], { description });
/** Of an address; each null where it is not known, or `geo` names no such file. */
export const originFields = {
  country: orNull(Type.String(), 'Where the client is from, ISO 3166-1 alpha-2 (`DE`); null: not known.'),
  asn: orNull(Type.Integer(), 'Number of the autonomous system of the client; null: not known.'),
  network: orNull(Type.String(), 'Who runs that network; null: not known.'),
};

const eventFields = {
  id: Type.Integer({ description: 'Names the event.' }),
  time: time('The first one it stands for.'),
  last: time('The last one.'),
  count: Type.Integer({ description: 'How many like it came within ten minutes.' }),
  listener: Type.String({ description: 'Where it came in: `http 127.0.0.1:8080`.' }),
  client: Type.String({ description: 'The address of the client.' }),
  prefix: Type.String({ description: 'The prefix by which it is counted and banned.' }),
  site: Type.Union([Type.String(), Type.Null()], {
    description: 'The first host of the site; null: none of ours.',
  }),
  action: word(['allow', 'flag', 'block'], 'What was done.'),
  rule: Type.String({ description: 'The rule that names the verdict.' }),
  rules: Type.Array(Type.String(), { description: 'Every rule seen.' }),
  intent: Type.String({ description: 'What the sender was after.' }),
  destination: Type.Union([Type.String(), Type.Null()], { description: 'What the sender wanted to reach.' }),
  answer: Type.Union([Type.Integer(), Type.Literal('drop'), Type.Null()], {
    description:
      'A status, or the reply code of the protocol spoken (SMTP, SOCKS, TURN); `drop`: none; null: it was passed on.',
  }),
  why: Type.String({ description: 'One sentence.' }),
  request: Type.String({ description: 'The request line, or the first bytes, escaped.' }),
  counts: Type.Optional(
    orNull(
      Type.Boolean(),
      'It counts towards a ban: its sender must have meant it. Of several it is true where it is of each; null: written before this was kept.',
    ),
  ),
  clientPort: Type.Optional(
    orNull(Type.Integer(), 'TCP port of the client, of the first one; null: not known, as behind a proxy.'),
  ),
  localAddress: Type.Optional(orNull(Type.String(), 'Our address that it came to.')),
  localPort: Type.Optional(orNull(Type.Integer(), 'Our TCP port.')),
  session: Type.Optional(orNull(Type.String(), 'The same for all of one connection.')),
  sni: Type.Optional(orNull(Type.String(), 'The name asked for in the TLS handshake.')),
  protocol: Type.Optional(orNull(Type.String(), 'What was spoken: `http/1.1`, `h2`, `smtp`, `socks5` …')),
  command: Type.Optional(
    orNull(Type.String(), 'What a SOCKS request asked a decoy for: `connect`, `bind`, `associate`.'),
  ),
  credentialHash: Type.Optional(
    orNull(
      Type.String(),
      'A keyed hash of the name and password offered to a decoy. The key is made at start and kept nowhere: equal hashes are equal ' +
        'credentials until the program stops, and no list of passwords can be tried against them.',
    ),
  ),
  ...originFields,
};

export const ApiEvent = Type.Object(eventFields);
export type ApiEvent = Static<typeof ApiEvent>;

export const EventsAnswer = Type.Object({
  events: Type.Array(ApiEvent, { description: 'Newest first.' }),
  next: Type.Union([Type.String(), Type.Null()], {
    description: 'Pass it on as `before`; null: this is the last page.',
  }),
  cut: Type.Boolean({
    description:
      'Whether the search was ended for its time: what is older was not looked at yet, `next` goes on there.',
  }),
});

const JudgedNow = Type.Object({
  verdict: word(['allow', 'flag', 'block'], 'What would be done.'),
  rule: Type.Union([Type.String(), Type.Null()]),
  answer: Type.Union([Type.Integer(), Type.Literal('drop'), Type.Null()]),
  why: Type.String(),
  signals: Type.Array(
    Type.Object({
      rule: Type.String(),
      action: Type.String(),
      what: Type.String({ description: 'What was seen.' }),
      start: Type.Integer({ description: 'Offset in `bytes`.' }),
      end: Type.Integer({ description: 'Offset behind the last character.' }),
    }),
  ),
});

const bannedBy = Type.Union([Type.String(), Type.Null()], {
  description: 'The prefix of the ban in force for it, `list`: an imported list; null: it is not banned.',
});

export const ApiEventInFull = Type.Object({
  ...eventFields,
  bannedBy,
  bytes: Type.String({ description: 'What was received, bounded, credentials redacted, escaped.' }),
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
      'The same bytes, judged by the policy in force now, as at a web listener; null where they are neither HTTP nor came to a decoy for it or SOCKS.',
  }),
});
export type ApiEventInFull = Static<typeof ApiEventInFull>;

const counted = <T extends Record<string, ReturnType<typeof Type.String>>>(fields: T) =>
  Type.Array(Type.Object({ ...fields, count: Type.Integer() }));

export const SummaryAnswer = Type.Object({
  from: time('Begin of the range.'),
  to: time('End of the range.'),
  total: Type.Integer({ description: 'Probes in the range.' }),
  banned: Type.Integer({
    description: 'Requests of banned clients in the range: no probes, and in none of the tables.',
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
      { description: 'Points that hold something.' },
    ),
    banned: Type.Array(Type.Object({ time: Type.Integer(), count: Type.Integer() }), {
      description: 'Requests of banned clients, by the same points.',
    }),
  }),
  sources: Type.Array(
    Type.Object({
      prefix: Type.String(),
      count: Type.Integer(),
      first: orNull(
        Type.String({ format: 'date-time' }),
        'When it was seen first, as far as the journal goes back; null: its events are gone.',
      ),
      last: time('The last probe.'),
      rule: Type.Union([Type.String(), Type.Null()], { description: 'Of its latest event.' }),
      why: Type.Union([Type.String(), Type.Null()], { description: 'Of its latest event.' }),
      bannedBy,
      ...originFields,
    }),
    {
      description: 'The busiest prefixes.',
    },
  ),
  intents: counted({ intent: Type.String() }),
  destinations: Type.Array(
    Type.Object({
      destination: Type.String(),
      intent: Type.Union([Type.String(), Type.Null()]),
      count: Type.Integer(),
    }),
    { description: 'What was wanted most.' },
  ),
  totals: Type.Array(
    Type.Object({
      rule: Type.String(),
      action: Type.String(),
      count: Type.Integer(),
      first: time('The first one of all.'),
    }),
    { description: 'Since the journal began.' },
  ),
});
export type SummaryAnswer = Static<typeof SummaryAnswer>;
