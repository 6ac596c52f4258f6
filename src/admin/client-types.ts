/** Requests and answers of the admin API about one client. TypeBox schemas, as in `api-types.ts`. */
import type { Static } from 'typebox';
import { originFields } from './api-types.ts';
import Type from './json-schema.ts';

export const ClientQuery = Type.Object(
  {
    client: Type.String({
      maxLength: 64,
      description: 'Address of the client, or the prefix it is counted by.',
    }),
  },
  { additionalProperties: false },
);
export type ClientQuery = Static<typeof ClientQuery>;

const time = (description: string) => Type.String({ format: 'date-time', description });
const count = Type.Integer();

export const ClientAnswer = Type.Object({
  prefix: Type.String({ description: 'The prefix it is counted and banned by.' }),
  block: Type.String({ description: 'Its network: the /24 of an IPv4 address, the /48 of an IPv6 one.' }),
  first: time('First seen, as far back as the journal goes.'),
  last: time('Last seen.'),
  count: Type.Integer({
    description: 'Its recorded requests, those made while banned included; from its newest 20 000 rows.',
  }),
  rules: Type.Array(Type.Object({ rule: Type.String(), action: Type.String(), count })),
  intents: Type.Array(Type.Object({ intent: Type.String(), count })),
  listeners: Type.Array(Type.Object({ listener: Type.String(), count })),
  bannedBy: Type.Union([Type.String(), Type.Null()], {
    description: 'Prefix of the ban in force for it; `list`: an imported list; null: not banned.',
  }),
  ...originFields,
});
export type ClientAnswer = Static<typeof ClientAnswer>;

export const NameAnswer = Type.Object({
  names: Type.Array(Type.String(), { description: 'Empty: it has no name, or no resolver answered.' }),
});
export type NameAnswer = Static<typeof NameAnswer>;
