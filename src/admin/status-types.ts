/** What the admin API answers beside events: bans, rules, backends, and how the checkpoint is. TypeBox schemas, as in `api-types.ts`. */
import type { Static, TSchema } from 'typebox';
import Type from './json-schema.ts';

const time = (description: string) => Type.String({ format: 'date-time', description });
const orNull = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const count = (description: string) => Type.Integer({ description });

/** What is answered as text: `text({ 'text/csv': 'A line an event.' })`. */
export const text = (kinds: Readonly<Record<string, string>>) => ({
  description: Object.values(kinds).join(' '),
  content: Object.fromEntries(
    Object.entries(kinds).map(([type, description]) => [type, { schema: Type.String({ description }) }]),
  ),
});

/** What is answered as JSON, or as text where the query asks for it. */
export const either = (json: TSchema, kinds: Parameters<typeof text>[0]) => {
  const { description, content } = text(kinds);
  return { description, content: { 'application/json': { schema: json }, ...content } };
};

export const Ban = Type.Object({
  prefix: Type.String({ description: 'An IPv4 address with /32, an IPv6 /64, or a wider prefix.' }),
  since: time('When it began.'),
  until: orNull(Type.String({ format: 'date-time' }), 'When it ends; null: for ever.'),
  level: count('Which ban of this prefix it is, 1 or more: each lasts longer.'),
  by: Type.String({ description: 'The rule that led to it, or `operator`.' }),
  reason: Type.String({ description: 'Why, in words.' }),
  scope: Type.Optional(
    Type.Literal('mail', { description: 'It holds at the mail guard alone. Absent: everywhere.' }),
  ),
});
export type Ban = Static<typeof Ban>;

export const BansAnswer = Type.Object({
  bans: Type.Array(Ban, { description: 'Newest first.' }),
  total: count('Bans in force.'),
  listed: count('Prefixes on imported lists, which are banned too.'),
  off: Type.Optional(Type.Boolean({ description: 'True: `bans: false` stands in the config.' })),
});
export type BansAnswer = Static<typeof BansAnswer>;

export const BanRequest = Type.Object({
  prefix: Type.String({ description: 'An address or a prefix.' }),
  for: Type.Optional(Type.String({ description: 'How long, such as 1h; without it the ban has no end.' })),
  reason: Type.Optional(Type.String({ description: 'Why, for whoever asks later.' })),
});

export const BanAnswer = Type.Object({
  ban: Ban,
  note: Type.Optional(Type.String({ description: 'Why the ban is of no effect now.' })),
});

export const RulesAnswer = Type.Object({
  rules: Type.Array(
    Type.Object({
      id: Type.String(),
      title: Type.String({ description: 'What is seen.' }),
      seeks: Type.String({ description: 'What its sender is after.' }),
      reference: Type.String({ description: 'Where to read on.' }),
      forwardable: Type.Boolean({ description: 'Whether it may be passed on without relaying.' }),
      bans: Type.Boolean({ description: 'Whether it counts towards a ban.' }),
      action: Type.String({ description: '`allow`, `flag` or `block`, by the policy in force.' }),
      answer: Type.Union([Type.Integer(), Type.Literal('drop')], { description: 'Where it is blocked.' }),
    }),
    { description: 'In the order of telling.' },
  ),
});

export const BackendsAnswer = Type.Object({
  backends: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Address and port.' }),
      fit: Type.Boolean({ description: 'Whether it gets requests: false where it is ejected.' }),
      state: Type.Union(
        [Type.Literal('unknown'), Type.Literal('healthy'), Type.Literal('failing'), Type.Literal('ejected')],
        {
          description:
            '`unknown`: nobody has asked it yet. `healthy`, `failing`: by its last answer, where none and one above 499 are failures. ' +
            '`ejected`: it gets no requests for a while, or until its check passes.',
        },
      ),
      load: count('Requests under way or waiting.'),
      weight: Type.Number(),
    }),
  ),
});
export type BackendsAnswer = Static<typeof BackendsAnswer>;

export const FleetAnswer = Type.Object({
  fleet: orNull(
    Type.Object({
      state: Type.String({ description: '`connected`, `joining`, `away`, `refused` or `full`.' }),
      why: Type.String({ description: 'The cause, in words; empty while all is well.' }),
      since: time('Since when.'),
      progress: orNull(Type.Number(), 'While joining: how far, from 0 to 1.'),
      gateways: count('Gateways that are there, this one included; 0: not known.'),
      skew: orNull(Type.Integer(), "How far the store's clock is ahead of this machine's, milliseconds."),
      backlog: count('Events that wait for the store.'),
      lost: count('Events given up because too many waited.'),
      refused: count('Records of the store that were not taken.'),
    }),
    'Null: this gateway stands alone.',
  ),
  gateways: Type.Array(
    Type.Object({
      id: Type.String({ description: 'Names a run of a gateway; `source` in the stream of events.' }),
      name: Type.String({ description: '`alerts.name` of its config, or the name of its machine.' }),
      version: Type.String(),
      state: Type.String({ description: 'As it said last; `gone`: it has said nothing for ten seconds.' }),
      seen: time('When it was heard of last.'),
      self: Type.Boolean({ description: 'Whether it is the one that answers.' }),
    }),
    { description: 'Heard of within a day; the one that was seen last comes first.' },
  ),
});
export type FleetAnswer = Static<typeof FleetAnswer>;

export const StatusAnswer = Type.Object({
  name: Type.String({ description: '`alerts.name` of the config, or the name of the machine.' }),
  version: Type.String({ description: 'Of the program.' }),
  knock: orNull(Type.String(), 'A command that sends this checkpoint a first probe; null: none can be told.'),
  started: time('When the program started.'),
  ready: Type.Boolean({ description: 'Whether it takes requests.' }),
  preset: Type.String({ description: '`policy.preset`.' }),
  sites: Type.Array(Type.String(), { description: 'The first host of each.' }),
  requests: Type.Object(
    { allow: Type.Integer(), flag: Type.Integer(), block: Type.Integer() },
    { description: 'Since the start, by verdict.' },
  ),
  bans: orNull(Type.Integer(), 'Prefixes banned now; null: bans are off.'),
  journal: orNull(
    Type.Object({
      unwritten: count('Events that wait in memory for the file to take them.'),
      written: count('Events written since the start.'),
      lost: count('Events that still waited when a journal was closed.'),
      trouble: orNull(Type.String(), 'Why the file takes nothing; null while it does.'),
      size: orNull(Type.Integer(), 'Bytes in use; null: not measured yet.'),
      maxSize: count('`journal.maxSize`, bytes.'),
      letGo: Type.Array(
        Type.Object({
          what: Type.String({ description: '`events`, or which counts.' }),
          why: Type.String({
            description: '`size`: `maxSize` had no room for it; `age`: it was older than `keep`.',
          }),
          rows: Type.Integer(),
          until: time('The latest of it.'),
          at: time('When this was last done.'),
        }),
        { description: 'What the file holds no more, what went last first.' },
      ),
      schema: count('Version of the tables in the file.'),
      wal: orNull(Type.Integer(), 'Bytes of the write-ahead log beside the file; null: there is none now.'),
      file: Type.Boolean({ description: 'False: the journal is in memory alone.' }),
    }),
    'Null: there is none.',
  ),
  alerts: orNull(
    Type.Object({ sent: count('Messages made.'), lost: count('Deliveries given up.') }),
    'Null: there are none.',
  ),
  fleet: orNull(
    Type.String(),
    '`connected`, `joining`, `away`, `refused` or `full`; null: this gateway stands alone.',
  ),
  certificates: orNull(
    Type.Array(
      Type.Object({
        host: Type.String(),
        notAfter: orNull(Type.String({ format: 'date-time' }), 'When it ends; null: there is none yet.'),
        next: time('When it is ordered next.'),
        trouble: orNull(Type.String(), 'Why the last order failed; null: it did not.'),
      }),
    ),
    'Certificates that are ordered by ACME; null: none are.',
  ),
});
export type StatusAnswer = Static<typeof StatusAnswer>;

export const HealthAnswer = Type.Object({ status: Type.String() });
