/** Answers of the admin API about where probes come from. TypeBox schemas, as in `api-types.ts`. */
import type { Static } from 'typebox';
import { originFields } from './api-types.ts';
import Type from './json-schema.ts';

const counts = {
  count: Type.Integer({ description: 'Number of probes.' }),
  clients: Type.Integer({ description: 'Number of sources, by the prefix they are counted by.' }),
};

export const OriginsAnswer = Type.Object({
  clients: Type.Integer({ description: 'Number of sources in the range; with `cut`, the least number.' }),
  networks: Type.Array(
    Type.Object({
      prefix: Type.String({ description: 'A /24 of IPv4, a /48 of IPv6.' }),
      ...counts,
      last: Type.String({ format: 'date-time', description: 'The last probe.' }),
      ...originFields,
    }),
    { description: 'The busiest 50 networks, busiest first.' },
  ),
  countries: Type.Array(
    Type.Object({
      country: originFields.country,
      ...counts,
    }),
    {
      description:
        'The countries of the sources, busiest first; empty without `geo.country`. A network counts for the country of its busiest source.',
    },
  ),
  systems: Type.Array(Type.Object({ asn: originFields.asn, network: originFields.network, ...counts }), {
    description:
      'The autonomous systems of the sources, busiest first; empty without `geo.asn`. A network counts for the system of its busiest source.',
  }),
  others: Type.Object(counts, {
    description:
      'Sources that belong to none of the lists: those of a flood that are not told apart, and those of networks beyond the busiest 5,000.',
  }),
  cut: Type.Boolean({
    description:
      'Whether there were more sources than the journal tells apart, as in a flood: their probes are in `others`, but their number is unknown.',
  }),
});
export type OriginsAnswer = Static<typeof OriginsAnswer>;
