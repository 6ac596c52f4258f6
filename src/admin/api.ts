/** The admin API about events: list, one in full, summary, export, the live feed. Needs `sekisho-admin`. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { Journal } from '../events/journal.ts';
import type { EventFilter, JournalRow } from '../events/journal-query.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { OriginOf } from '../geo/origin.ts';
import { catalogue, type Rule, ruleIds } from '../rules/catalogue.ts';
import type { Policy } from '../rules/policy.ts';
import type { Access } from './access.ts';
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
import { shown } from './shown-event.ts';
import { BackendsAnswer, FleetAnswer, RulesAnswer, StatusAnswer, text } from './status-types.ts';
import type { Stream } from './stream.ts';

/** As the answer has it, but for `fit`, which its state tells. */
type Backend = Omit<BackendsAnswer['backends'][number], 'fit'>;

export interface AdminApiOptions {
  /** The one in force. */
  readonly journal: () => Journal;
  readonly stream: Stream;
  readonly access: Access;
  /** The policy in force. */
  readonly policy: () => Policy;
  /** The prefix of the ban in force for a client, `list`, or null. @param prefix as events have it */
  readonly bannedBy: (prefix: string) => string | null;
  readonly originOf: OriginOf;
  /** How the checkpoint is, as plain data. */
  readonly status: () => object | Promise<object>;
  readonly backends: () => readonly Backend[] | Promise<readonly Backend[]>;
  /** Null: this gateway stands alone. */
  readonly fleet: () => Pick<Fleet, 'health' | 'gateways'> | null;
}

/** Events in one export; an export of more says so at its end. */
const exportLimit = 200_000;

async function adminApi(app: FastifyInstance, options: AdminApiOptions): Promise<void> {
  const { journal, stream, access, policy, bannedBy, originOf } = options;
  const told = (row: JournalRow): ApiEvent => shown(row, originOf(row.client));
  const errors = { 400: ApiError, 404: ApiError };

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
      return { events: events.map(told), next, cut };
    },
  );

  app.get<{ Params: { id: string } }>(
    '/api/events/:id',
    { schema: { summary: 'One event in full', response: { 200: ApiEventInFull, ...errors } } },
    async ({ params }, reply) => {
      const id = /^\d{1,15}$/.test(params.id) ? Number(params.id) : -1;
      const event = await journal().event(id);
      if (event === null) return reply.code(404).send({ error: 'there is no such event (any more)' });
      const { title, seeks, reference } = catalogue[event.rule] as Rule;
      return {
        ...told(event),
        bytes: event.bytes,
        bannedBy: bannedBy(event.prefix),
        explained: { title, seeks, reference },
        judgedNow: /^(?:https?|decoy (?:http-proxy|socks|tls)) /.test(event.listener)
          ? rejudge(event.bytes, policy())
          : null,
      };
    },
  );

  app.get<{ Querystring: RangeQuery }>(
    '/api/summary',
    {
      schema: {
        summary: 'Counts of a range of time',
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

  app.get<{ Querystring: ExportQuery }>(
    '/api/export',
    {
      schema: {
        summary: 'Events as a file, newest first',
        querystring: ExportQuery,
        response: {
          200: text({
            'text/csv': 'A heading, and a line an event.',
            'application/x-ndjson': 'An event a line, as `/api/events` has it.',
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

  const rulesSchema = { summary: 'The rules, and what is done about them', response: { 200: RulesAnswer } };
  app.get('/api/rules', { schema: rulesSchema }, async () => {
    const { rules } = policy();
    return {
      rules: ruleIds.map((id) => {
        const { title, seeks, reference, forwardable, bans } = catalogue[id] as Rule;
        return { id, title, seeks, reference, forwardable, bans, ...rules[id] };
      }),
    };
  });

  const statusSchema = { summary: 'How the checkpoint is', response: { 200: StatusAnswer } };
  app.get('/api/status', { schema: statusSchema }, async () => options.status());
  const fleetSchema = { summary: 'The gateways of the fleet', response: { 200: FleetAnswer } };
  app.get('/api/fleet', { schema: fleetSchema }, async () => {
    const fleet = options.fleet();
    if (fleet === null) return { fleet: null, gateways: [] };
    // While the store is away nothing is known of the others.
    const gateways = await fleet.gateways().catch(() => []);
    return {
      fleet: { ...fleet.health, since: iso(fleet.health.since) },
      gateways: gateways.map(({ seen, ...gateway }) => ({ ...gateway, seen: iso(seen) })),
    };
  });
  const backendsSchema = { summary: 'The backends and their health', response: { 200: BackendsAnswer } };
  app.get('/api/backends', { schema: backendsSchema }, async () => ({
    backends: (await options.backends()).map((backend) => ({ ...backend, fit: backend.state !== 'ejected' })),
  }));

  app.get('/api/session', { schema: { hide: true } }, async ({ pass }) => ({
    csrf: pass?.by === 'session' ? pass.session.csrf : null,
  }));

  app.get(
    '/api/stream',
    {
      schema: {
        summary: 'The live feed: server-sent events `probes`, `status`, `bans` and `backends`',
        response: { 200: text({ 'text/event-stream': 'Their data are JSON.' }) },
      },
    },
    async ({ headers }, reply) => {
      reply.hijack();
      // Asked again as long as it goes on: by then the session may be over, or the token replaced.
      const allowed = () => access.check(headers, Date.now()) !== null;
      for (const [name, value] of Object.entries(reply.getHeaders()))
        reply.raw.setHeader(name, value as string);
      if (!stream.add(reply.raw, allowed))
        reply.raw.writeHead(503, { 'Retry-After': '10' }).end('{"error":"too many listen already"}');
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
  const note = `only the latest ${exportLimit} events; choose a shorter time`;
  yield format === 'csv' ? `${note}\r\n` : `${JSON.stringify({ error: note })}\n`;
}

/** Aborted when the browser goes: nobody waits for the answer then. */
function gone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => controller.abort());
  return controller.signal;
}

const iso = (time: number): string => new Date(time).toISOString();

export const adminEvents = fp(adminApi, {
  name: 'sekisho-admin-api',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});
