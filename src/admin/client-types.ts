/** What the admin API takes and answers about one client. TypeBox schemas, as in `api-types.ts`. */
import type { Static } from 'typebox';
import { originFields } from './api-types.ts';
import Type from './json-schema.ts';

export const ClientQuery = Type.Object(
  { client: Type.String({ maxLength: 64, description: 'Its address, or the prefix it is counted by.' }) },
  { additionalProperties: false },
);
export type ClientQuery = Static<typeof ClientQuery>;

const time = (description: string) => Type.String({ format: 'date-time', description });
const count = Type.Integer();

export const ClientAnswer = Type.Object({
  prefix: Type.String({ description: 'By which it is counted and banned.' }),
  block: Type.String({ description: 'The network it lies in: its /24, of IPv6 the /48.' }),
  first: time('When it was seen first, as far as the journal goes back.'),
  last: time('When it was seen last.'),
  count: Type.Integer({
    description: 'Requests recorded of it, those while it was banned included; of its newest 20 000 rows.',
  }),
  rules: Type.Array(Type.Object({ rule: Type.String(), action: Type.String(), count })),
  intents: Type.Array(Type.Object({ intent: Type.String(), count })),
  listeners: Type.Array(Type.Object({ listener: Type.String(), count })),
  bannedBy: Type.Union([Type.String(), Type.Null()], {
    description: 'The prefix of the ban in force for it, `list`: an imported list; null: it is not banned.',
  }),
  ...originFields,
});
export type ClientAnswer = Static<typeof ClientAnswer>;

export const NameAnswer = Type.Object({
  names: Type.Array(Type.String(), { description: 'None: it has no name, or nobody answered.' }),
});
export type NameAnswer = Static<typeof NameAnswer>;
