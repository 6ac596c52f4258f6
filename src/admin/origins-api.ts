/** The admin API about where probes come from: networks, autonomous systems, countries. Needs `sekisho-admin`. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Journal } from '../events/journal.ts';
import type { OriginOf } from '../geo/origin.ts';
import { ApiError, RangeQuery } from './api-types.ts';
import { rangeOf } from './moment.ts';
import { OriginsAnswer } from './origins-types.ts';

export interface OriginsApiOptions {
  /** The current journal. */
  readonly journal: () => Journal;
  readonly originOf: OriginOf;
}

/** Most entries of each list. */
const mostListed = 50;

interface Sum {
  count: number;
  clients: number;
}

function add<K>(sums: Map<K, Sum>, key: K, { count, clients }: Sum): void {
  const known = sums.get(key) ?? { count: 0, clients: 0 };
  sums.set(key, { count: known.count + count, clients: known.clients + clients });
}

const busiest = <K>(sums: ReadonlyMap<K, Sum>): [K, Sum][] =>
  [...sums].sort(([, a], [, b]) => b.count - a.count).slice(0, mostListed);

async function originsApi(app: FastifyInstance, { journal, originOf }: OriginsApiOptions): Promise<void> {
  app.get<{ Querystring: RangeQuery }>(
    '/api/origins',
    {
      schema: {
        summary: 'Where the probes of a range come from',
        querystring: RangeQuery,
        response: { 200: OriginsAnswer, 400: ApiError },
      },
    },
    async ({ query }, reply) => {
      const range = rangeOf(query);
      if (typeof range === 'string') return reply.code(400).send({ error: range });
      const { networks, others, cut } = await journal().networks(range.from, range.to);
      const countries = new Map<string | null, Sum>();
      const systems = new Map<number, Sum>();
      const names = new Map<number, string | null>();
      for (const network of networks) {
        const { country, asn, network: name } = originOf(network.address);
        add(countries, country, network);
        if (asn === null) continue;
        add(systems, asn, network);
        names.set(asn, name);
      }
      return {
        clients: networks.reduce((sum, { clients }) => sum + clients, others.clients),
        networks: networks.slice(0, mostListed).map(({ address, last, ...network }) => ({
          ...network,
          last: new Date(last).toISOString(),
          ...originOf(address),
        })),
        // Without a geo.country file every country is null.
        countries:
          countries.size === 1 && countries.has(null)
            ? []
            : busiest(countries).map(([country, sum]) => ({ country, ...sum })),
        systems: busiest(systems).map(([asn, sum]) => ({ asn, network: names.get(asn) ?? null, ...sum })),
        others,
        cut,
      };
    },
  );
}

export const adminOrigins = fp(originsApi, {
  name: 'sekisho-admin-origins',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});
