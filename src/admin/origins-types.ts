/** What the admin API answers about where probes come from. TypeBox schemas, as in `api-types.ts`. */
import type { Static } from 'typebox';
import { originFields } from './api-types.ts';
import Type from './json-schema.ts';

const counts = {
  count: Type.Integer({ description: 'Probes.' }),
  clients: Type.Integer({ description: 'Sources, by the prefix they are counted by.' }),
};

export const OriginsAnswer = Type.Object({
  clients: Type.Integer({ description: 'Sources of the range.' }),
  networks: Type.Array(
    Type.Object({
      prefix: Type.String({ description: 'The /24 of IPv4 addresses, the /48 of IPv6.' }),
      ...counts,
      last: Type.String({ format: 'date-time', description: 'The last probe.' }),
      ...originFields,
    }),
    { description: 'Of all sources, the busiest first.' },
  ),
  countries: Type.Array(
    Type.Object({
      country: originFields.country,
      ...counts,
    }),
    {
      description:
        'Of all sources, the busiest first; empty without `geo.country`. A network is counted where its busiest source is.',
    },
  ),
  systems: Type.Array(Type.Object({ asn: originFields.asn, network: originFields.network, ...counts }), {
    description:
      'Autonomous systems of all sources, the busiest first; empty without `geo.asn`. A network is counted as its busiest source is.',
  }),
  others: Type.Object(counts, { description: 'Sources of a flood that are not told apart.' }),
});
export type OriginsAnswer = Static<typeof OriginsAnswer>;
