/** The admin API about events: list, one in full, summary, export. Needs `sekisho-admin`. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { Journal } from '../events/journal.ts';
import type { EventFilter, JournalRow } from '../events/journal-query.ts';
import type { OriginOf } from '../geo/origin.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';
import type { Policy } from '../rules/policy.ts';
import {
  ApiError,
  type ApiEvent,
  ApiEventInFull,
  EventsAnswer,
  EventsQuery,
  ExportQuery,
  RangeQuery,
  SummaryAnswer,
} from './api-types.ts';
import { csvHeader, csvLine } from './csv.ts';
import { eventFilter } from './event-filter.ts';
import { rangeOf } from './moment.ts';
import { rejudge } from './rejudge.ts';
import { iso, shown } from './shown-event.ts';
import { text } from './status-types.ts';

export interface EventsApiOptions {
  /** The current journal. */
  readonly journal: () => Journal;
  /** The current policy. */
  readonly policy: () => Policy;
  /** Prefix of the ban in force for a client, `list`, or null. @param prefix as in events */
  readonly bannedBy: (prefix: string) => string | null;
  readonly originOf: OriginOf;
}

/** Most events in one export; a longer one says so at its end. */
const exportLimit = 200_000;

const errors = { 400: ApiError, 404: ApiError };

async function eventsApi(app: FastifyInstance, options: EventsApiOptions): Promise<void> {
  eventRoutes(app, options);
  summaryRoute(app, options);
  exportRoute(app, options);
}

function eventRoutes(app: FastifyInstance, { journal, policy, bannedBy, originOf }: EventsApiOptions): void {
  const toApi = (row: JournalRow): ApiEvent => shown(row, originOf(row.client));

  app.get<{ Querystring: EventsQuery }>(
    '/api/events',
    {
      schema: {
        summary: 'Events, newest first',
        querystring: EventsQuery,
        response: { 200: EventsAnswer, ...errors },
      },
    },
    async ({ query }, reply) => {
      const { limit, before = null, ...filter } = query;
      const read = eventFilter(filter);
      if (typeof read === 'string') return reply.code(400).send({ error: read });
      const { events, next, cut } = await journal().page(read, limit, before, gone(reply));
      return { events: events.map(toApi), next, cut };
    },
  );

  app.get<{ Params: { id: string } }>(
    '/api/events/:id',
    { schema: { summary: 'One event in full', response: { 200: ApiEventInFull, ...errors } } },
    async ({ params }, reply) => {
      const id = /^\d{1,15}$/.test(params.id) ? Number(params.id) : -1;
      const event = await journal().event(id);
      if (event === null)
        return reply.code(404).send({ error: 'there is no such event, or it has been deleted' });
      const { title, seeks, reference } = catalogue[event.rule] as Rule;
      return {
        ...toApi(event),
        bytes: event.bytes,
        bannedBy: bannedBy(event.prefix),
        explained: { title, seeks, reference },
        judgedNow: /^(?:https?|decoy (?:http-proxy|socks|tls)) /.test(event.listener)
          ? rejudge(event.bytes, policy())
          : null,
      };
    },
  );
}

function summaryRoute(app: FastifyInstance, { journal, bannedBy, originOf }: EventsApiOptions): void {
  app.get<{ Querystring: RangeQuery }>(
    '/api/summary',
    {
      schema: {
        summary: 'Counts over a time range',
        querystring: RangeQuery,
        response: { 200: SummaryAnswer, ...errors },
      },
    },
    async ({ query }, reply) => {
      const range = rangeOf(query);
      if (typeof range === 'string') return reply.code(400).send({ error: range });
      const result = await journal().summary(range.from, range.to, gone(reply));
      return {
        ...result,
        from: iso(result.from),
        to: iso(result.to),
        sources: result.sources.map((source) => ({
          ...source,
          first: source.first === null ? null : iso(source.first),
          last: iso(source.last),
          bannedBy: bannedBy(source.prefix),
          ...originOf(source.prefix.split('/', 1)[0]!),
        })),
        totals: result.totals.map((total) => ({ ...total, first: iso(total.first) })),
      };
    },
  );
}

function exportRoute(app: FastifyInstance, { journal, originOf }: EventsApiOptions): void {
  app.get<{ Querystring: ExportQuery }>(
    '/api/export',
    {
      schema: {
        summary: 'Events as a file, newest first',
        querystring: ExportQuery,
        response: {
          200: text({
            'text/csv': 'A header line, then one event per line.',
            'application/x-ndjson': 'One event per line, as in `/api/events`.',
          }),
          400: ApiError,
        },
      },
    },
    async ({ query }, reply) => {
      const { format = 'csv', ...filter } = query;
      const read = eventFilter(filter);
      if (typeof read === 'string') return reply.code(400).send({ error: read });
      reply
        .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
        .header(
          'Content-Disposition',
          `attachment; filename="sekisho-events.${format === 'csv' ? 'csv' : 'ndjson'}"`,
        );
      return reply.send(Readable.from(exported(journal(), read, format, originOf)));
    },
  );
}

async function* exported(
  journal: Journal,
  filter: EventFilter,
  format: 'csv' | 'json',
  originOf: OriginOf,
): AsyncGenerator<string> {
  if (format === 'csv') yield csvHeader;
  let before: string | null = null;
  for (let count = 0; count < exportLimit; ) {
    const { events, next } = await journal.page(filter, 1000, before);
    count += events.length;
    yield events
      .map((event) => {
        const origin = originOf(event.client);
        return format === 'csv'
          ? csvLine({ ...event, ...origin })
          : `${JSON.stringify(shown(event, origin))}\n`;
      })
      .join('');
    if (next === null) return;
    before = next;
  }
  const note = `only the latest ${exportLimit} events: choose a shorter time range`;
  yield format === 'csv' ? `${note}\r\n` : `${JSON.stringify({ error: note })}\n`;
}

/** Aborted when the browser disconnects. */
function gone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => controller.abort());
  return controller.signal;
}

export const adminEvents = fp(eventsApi, {
  name: 'sekisho-admin-events',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});
