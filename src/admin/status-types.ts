/** Answers of the admin API other than events: bans, rules, backends, fleet, status. TypeBox schemas, as in `api-types.ts`. */
import type { Static, TSchema } from 'typebox';
import Type from './json-schema.ts';

const time = (description: string) => Type.String({ format: 'date-time', description });
const orNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const count = (description: string) => Type.Integer({ description });

/** An answer in text: `text({ 'text/csv': 'One event per line.' })`. */
export const text = (kinds: Readonly<Record<string, string>>) => ({
  description: Object.values(kinds).join(' '),
  content: Object.fromEntries(
    Object.entries(kinds).map(([type, description]) => [type, { schema: Type.String({ description }) }]),
  ),
});

/** An answer in JSON, or in text if the query asks for it. */
export const either = (json: TSchema, kinds: Parameters<typeof text>[0]) => {
  const { description, content } = text(kinds);
  return { description, content: { 'application/json': { schema: json }, ...content } };
};

export const Ban = Type.Object({
  prefix: Type.String({ description: 'An IPv4 address with /32, an IPv6 /64, or a wider prefix.' }),
  since: time('Start of the ban.'),
  until: orNull(Type.String({ format: 'date-time' }), 'End of the ban; null: permanent.'),
  level: count('How many times this prefix has been banned, from 1: each ban is longer than the one before.'),
  by: Type.String({ description: 'The rule that caused it, or `operator`.' }),
  reason: Type.String({ description: 'The reason, as text.' }),
  scope: Type.Optional(
    Type.Literal('mail', { description: 'It applies only at the mail guard. Absent: everywhere.' }),
  ),
});
export type Ban = Static<typeof Ban>;

export const BansAnswer = Type.Object({
  bans: Type.Array(Ban, { description: 'Newest first.' }),
  total: count('Bans in force.'),
  listed: count('Prefixes on imported lists, also banned.'),
  off: Type.Optional(Type.Boolean({ description: 'True: the config has `bans: false`.' })),
});
export type BansAnswer = Static<typeof BansAnswer>;

export const BanRequest = Type.Object({
  prefix: Type.String({ description: 'An address or a prefix.' }),
  for: Type.Optional(Type.String({ description: 'How long, such as 1h; without it the ban is permanent.' })),
  reason: Type.Optional(Type.String({ description: 'The reason, for later readers of the list.' })),
});

export const BanAnswer = Type.Object({
  ban: Ban,
  note: Type.Optional(
    Type.String({
      description:
        'What to know about the ban: that it has no effect now, or which IPv4 addresses it is for.',
    }),
  ),
});

export const RulesAnswer = Type.Object({
  rules: Type.Array(
    Type.Object({
      id: Type.String(),
      title: Type.String({ description: 'What the rule detects.' }),
      seeks: Type.String({ description: 'What the sender is after.' }),
      reference: Type.String({ description: 'RFC section, CVE or tool.' }),
      forwardable: Type.Boolean({ description: 'Whether such a request can be forwarded without relaying.' }),
      bans: Type.Boolean({ description: 'Whether it counts towards a ban.' }),
      action: Type.String({ description: '`allow`, `flag` or `block`, by the current policy.' }),
      answer: Type.Union([Type.Integer(), Type.Literal('drop')], {
        description: 'The answer if it is blocked.',
      }),
    }),
    { description: 'In order of precedence: of several rules blocked, the first one decides the verdict.' },
  ),
});

export const BackendsAnswer = Type.Object({
  backends: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Address and port.' }),
      fit: Type.Boolean({ description: 'Whether it gets requests: false while it is ejected.' }),
      state: Type.Union(
        [Type.Literal('unknown'), Type.Literal('healthy'), Type.Literal('failing'), Type.Literal('ejected')],
        {
          description:
            '`unknown`: no request has been sent to it yet. `healthy`, `failing`: by its last answer; no answer, or a status above 499, is a failure. ' +
            '`ejected`: it gets no requests for a while, or until its health check passes.',
        },
      ),
      load: count('Requests in progress or queued.'),
      weight: Type.Number(),
    }),
  ),
});
export type BackendsAnswer = Static<typeof BackendsAnswer>;

export const FleetAnswer = Type.Object({
  fleet: orNull(
    Type.Object({
      state: Type.String({ description: '`connected`, `joining`, `away`, `refused` or `full`.' }),
      why: Type.String({ description: 'The cause of trouble; empty if there is none.' }),
      since: time('When this state began.'),
      progress: orNull(Type.Number(), 'While joining: progress, from 0 to 1.'),
      gateways: count('Connected gateways, this one included; 0: unknown.'),
      skew: orNull(Type.Integer(), "How far the store's clock is ahead of this machine's, milliseconds."),
      backlog: count('Events queued for the store.'),
      lost: count('Events dropped because the queue was full.'),
      refused: count('Records from the store that were rejected.'),
    }),
    'Null: this gateway is not in a fleet.',
  ),
  gateways: Type.Array(
    Type.Object({
      id: Type.String({ description: 'Id of one run of a gateway; `source` in the stream of events.' }),
      name: Type.String({ description: '`alerts.name` of its config, or its host name.' }),
      version: Type.String(),
      state: Type.String({ description: 'Its last reported state; `gone`: no report for ten seconds.' }),
      seen: time('When it last reported.'),
      self: Type.Boolean({ description: 'Whether it is the gateway that answers.' }),
    }),
    { description: 'The gateways that reported within a day, most recent first.' },
  ),
});
export type FleetAnswer = Static<typeof FleetAnswer>;

export const StatusAnswer = Type.Object({
  name: Type.String({ description: '`alerts.name` of the config, or the host name.' }),
  version: Type.String({ description: 'Version of the program.' }),
  knock: orNull(
    Type.String(),
    'A command that sends this checkpoint a test probe; null: none is known for its listeners.',
  ),
  started: time('When the program started.'),
  ready: Type.Boolean({ description: 'Whether it accepts requests.' }),
  preset: Type.String({ description: '`policy.preset`.' }),
  sites: Type.Array(Type.String(), { description: 'The first host of each site.' }),
  requests: Type.Object(
    { allow: Type.Integer(), flag: Type.Integer(), block: Type.Integer() },
    { description: 'Requests since the start, by verdict.' },
  ),
  bans: orNull(Type.Integer(), 'Prefixes banned now; null: bans are off.'),
  journal: orNull(
    Type.Object({
      unwritten: count('Events in memory that are not in the file yet.'),
      written: count('Events written since the start.'),
      lost: count('Events still unwritten when a journal was closed.'),
      trouble: orNull(Type.String(), 'Why the file cannot be written; null while it can.'),
      size: orNull(Type.Integer(), 'Bytes in use; null: not measured yet.'),
      maxSize: count('`journal.maxSize`, bytes.'),
      letGo: Type.Array(
        Type.Object({
          what: Type.String({ description: '`events`, or which counts.' }),
          why: Type.String({
            description: '`size`: the file had reached `maxSize`; `age`: older than `keep`.',
          }),
          rows: Type.Integer(),
          until: time('Time of the newest row deleted.'),
          at: time('When rows were last deleted.'),
        }),
        { description: 'What retention has deleted from the file, latest first.' },
      ),
      schema: count('Schema version of the file.'),
      wal: orNull(Type.Integer(), 'Bytes of the write-ahead log beside the file; null: there is none now.'),
      file: Type.Boolean({ description: 'False: the journal is only in memory.' }),
    }),
    'Null: there is no journal.',
  ),
  alerts: orNull(
    Type.Object({ sent: count('Alerts raised.'), lost: count('Failed deliveries.') }),
    'Null: alerts are off.',
  ),
  fleet: orNull(
    Type.String(),
    '`connected`, `joining`, `away`, `refused` or `full`; null: this gateway is not in a fleet.',
  ),
  certificates: orNull(
    Type.Array(
      Type.Object({
        host: Type.String(),
        notAfter: orNull(Type.String({ format: 'date-time' }), 'When it expires; null: there is none yet.'),
        next: time('When the next one is ordered.'),
        trouble: orNull(Type.String(), 'Why the last order failed; null: it succeeded.'),
      }),
    ),
    'Certificates ordered by ACME; null: there are none.',
  ),
  certificateFiles: Type.Array(
    Type.Object({
      file: Type.String(),
      trouble: Type.String({ description: 'Why it can not be used; the previous certificate stays in use.' }),
    }),
    { description: 'Changed certificate files that can not be used.' },
  ),
  ocsp: Type.Array(
    Type.Object({
      host: Type.String({ description: 'The first name of the certificate.' }),
      key: Type.String({ description: 'Its kind of key: `ec`, `rsa` …' }),
      serial: Type.String({ description: 'Its serial number, hexadecimal.' }),
      fetched: orNull(
        Type.String({ format: 'date-time' }),
        'When the response was fetched; null: there is none.',
      ),
      until: orNull(Type.String({ format: 'date-time' }), 'When the response ends; null: there is none.'),
      trouble: orNull(
        Type.String(),
        'Why the last request brought no usable response; null: it brought one, or is not answered yet.',
      ),
    }),
    {
      description:
        'OCSP responses of must-staple certificates. Every process has its own; of several the worst is shown.',
    },
  ),
});
export type StatusAnswer = Static<typeof StatusAnswer>;

export const HealthAnswer = Type.Object({ status: Type.String() });
