/** The admin API about one client: its history, and its reverse name on request. Needs `sekisho-admin`. */
import { promises as dns } from 'node:dns';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { clientPrefix, networkPrefix, parseIp } from '../address/ip.ts';
import type { Journal } from '../events/journal.ts';
import type { OriginOf } from '../geo/origin.ts';
import { ApiError } from './api-types.ts';
import { ClientAnswer, ClientQuery, NameAnswer } from './client-types.ts';

export interface ClientsApiOptions {
  /** The current journal. */
  readonly journal: () => Journal;
  /** The prefix of the ban in force for a client, `list`, or null. */
  readonly bannedBy: (prefix: string) => string | null;
  readonly originOf: OriginOf;
}

/** Most names shown for one address; the owner of its reverse zone chooses how many there are. */
const mostNames = 5;

async function clientsApi(
  app: FastifyInstance,
  { journal, bannedBy, originOf }: ClientsApiOptions,
): Promise<void> {
  const errors = { 400: ApiError, 404: ApiError };

  app.get<{ Querystring: ClientQuery }>(
    '/api/client',
    {
      schema: {
        summary: 'The history of one client',
        querystring: ClientQuery,
        response: { 200: ClientAnswer, ...errors },
      },
    },
    async ({ query }, reply) => {
      const address = query.client.split('/', 1)[0]!;
      const prefix = clientPrefix(address);
      if (prefix === null) return reply.code(400).send({ error: `${query.client} is not an address` });
      const history = await journal().client(prefix);
      if (history === null)
        return reply.code(404).send({ error: `the journal has no events of ${query.client}` });
      return {
        prefix,
        block: networkPrefix(prefix)!,
        ...history,
        first: new Date(history.first).toISOString(),
        last: new Date(history.last).toISOString(),
        bannedBy: bannedBy(prefix),
        ...originOf(address),
      };
    },
  );

  // Only when an operator clicks, never per request: the owner of the reverse zone sees the query.
  app.get<{ Querystring: ClientQuery }>(
    '/api/name',
    {
      schema: {
        summary: "The reverse name of an address, from this machine's resolver",
        querystring: ClientQuery,
        response: { 200: NameAnswer, ...errors },
      },
    },
    async ({ query }, reply) => {
      const ip = parseIp(query.client);
      if (ip === null) return reply.code(400).send({ error: `${query.client} is not an address` });
      const resolver = new dns.Resolver({ timeout: 2000, tries: 1 });
      const names = await resolver.reverse(ip.text).catch(() => []);
      return { names: names.slice(0, mostNames).map(printableName) };
    },
  );
}

const printableName = (name: string): string => name.replace(/[^\x21-\x7e]/g, '?').slice(0, 255);

export const adminClients = fp(clientsApi, {
  name: 'sekisho-admin-clients',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});
