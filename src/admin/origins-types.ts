/** Answers of the admin API about where probes come from. TypeBox schemas, as in `api-types.ts`. */
import type { Static } from 'typebox';
import { originFields } from './api-types.ts';
import Type from './json-schema.ts';

const counts = {
  count: Type.Integer({ description: 'Number of probes.' }),
  clients: Type.Integer({ description: 'Number of sources, by the prefix they are counted by.' }),
};

export const OriginsAnswer = Type.Object({
  clients: Type.Integer({ description: 'Number of sources in the range.' }),
  networks: Type.Array(
    Type.Object({
      prefix: Type.String({ description: 'A /24 of IPv4, a /48 of IPv6.' }),
      ...counts,
      last: Type.String({ format: 'date-time', description: 'The last probe.' }),
      ...originFields,
    }),
    { description: 'The networks of all sources, busiest first.' },
  ),
  countries: Type.Array(
    Type.Object({
      country: originFields.country,
      ...counts,
    }),
    {
      description:
        'The countries of all sources, busiest first; empty without `geo.country`. A network counts for the country of its busiest source.',
    },
  ),
  systems: Type.Array(Type.Object({ asn: originFields.asn, network: originFields.network, ...counts }), {
    description:
      'The autonomous systems of all sources, busiest first; empty without `geo.asn`. A network counts for the system of its busiest source.',
  }),
  others: Type.Object(counts, { description: 'Sources of a flood that are not listed one by one.' }),
});
export type OriginsAnswer = Static<typeof OriginsAnswer>;
