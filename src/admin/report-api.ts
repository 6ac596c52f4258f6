/** The admin API for reports: letters about one source, shareable lists of many. Nothing is sent. Needs `sekisho-admin`. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import type { Journal } from '../events/journal.ts';
import type { EventFilter } from '../events/journal-query.ts';
import type { OriginOf } from '../geo/origin.ts';
import { abuseReport } from '../reports/abuse-report.ts';
import { abuseReportPage, reportPolicy } from '../reports/abuse-report-page.ts';
import { abuseIpdbCsv } from '../reports/abuseipdb.ts';
import { blocklistDe } from '../reports/blocklist-de.ts';
import { type LetterFormat, type ListFormat, letterFormats } from '../reports/formats.ts';
import { evidenceOf, type Reporter } from '../reports/journal-evidence.ts';
import { mispEvent } from '../reports/misp.ts';
import { Sources } from '../reports/sources.ts';
import { stixBundle } from '../reports/stix.ts';
import { xarf } from '../reports/xarf.ts';
import { ApiError, ReportQuery } from './api-types.ts';
import { eventFilter } from './event-filter.ts';
import Type from './json-schema.ts';
import { either } from './status-types.ts';

export interface ReportApiOptions {
  /** The current journal. */
  readonly journal: () => Journal;
  readonly reporter: () => Reporter;
  readonly originOf: OriginOf;
  /** Allow-listed clients, which no report names. @param address as in events */
  readonly isExempt: (address: string) => boolean;
}

const day = 86_400_000;
/** Most rows of one letter. */
const letterRows = 500;
/** Rows that a list is made from, the newest ones. */
const listRows = 100_000;
/** Rows read from the journal at once. */
const step = 1000;

async function reportApi(app: FastifyInstance, options: ReportApiOptions): Promise<void> {
  const { journal, reporter, originOf, isExempt } = options;
  const words = 'A mail, ready to send; for `blocklist-de` one form per line.';
  app.get<{ Querystring: ReportQuery }>(
    '/api/report',
    {
      schema: {
        summary: 'A report about one source, or a list of sources to share',
        querystring: ReportQuery,
        response: {
          200: either(
            Type.Object(
              {},
              {
                additionalProperties: true,
                description:
                  'X-ARF 4 (connection, reconnaissance or login_attack), a STIX 2.1 bundle, or a MISP event.',
              },
            ),
            {
              'text/plain': words,
              'text/html': 'The mail as a page that loads nothing.',
              'text/csv': 'The bulk report format of AbuseIPDB.',
            },
          ),
          400: ApiError,
          404: ApiError,
        },
      },
    },
    async ({ query }, reply) => {
      const { client, format = 'text', contact, from, to } = query;
      const letter = (letterFormats as readonly string[]).includes(format);
      if (letter && client === undefined)
        return reply.code(400).send({ error: `${format} is about one source: give it as client` });
      const since = from ?? (letter || client !== undefined ? undefined : String(Date.now() - day));
      const read = eventFilter({ client, from: since, to });
      if (typeof read === 'string') return reply.code(400).send({ error: read });
      const by = { ...reporter(), ...(contact === undefined ? {} : { contact }) };
      return letter
        ? sendLetter(reply, format as LetterFormat, client!, read, by)
        : sendList(reply, format as ListFormat, read, by);
    },
  );

  async function sendLetter(
    reply: FastifyReply,
    format: LetterFormat,
    client: string,
    read: EventFilter,
    by: Reporter,
  ): Promise<FastifyReply> {
    const known = await journal().full(read, letterRows);
    const events = evidenceOf(known);
    if (events.length === 0) {
      const error =
        known.length === 0
          ? `the journal has no events of ${client} in that time`
          : `none of the events of ${client} in that time is evidence of abuse`;
      return reply.code(404).send({ error });
    }
    const source = client.replace(/\/32$/, '');
    if (format === 'xarf') return reply.send(xarf(source, events, by));
    const origin = originOf(client.split('/', 1)[0]!);
    if (format === 'html')
      return reply
        .header('Content-Security-Policy', reportPolicy)
        .type('text/html; charset=utf-8')
        .send(abuseReportPage(source, events, by, origin));
    return reply.type('text/plain; charset=utf-8').send(abuseReport(source, events, by, origin));
  }

  async function sendList(
    reply: FastifyReply,
    format: ListFormat,
    read: EventFilter,
    by: Reporter,
  ): Promise<FastifyReply> {
    const sources = await gather(journal(), { ...read, action: 'block' }, isExempt);
    const list = sources.list();
    // The number of omitted rows goes into a header: a program that parses the file would trip over a remark in it.
    reply.header('X-Sekisho-Left-Out', String(sources.omitted));
    const file = (name: string) => reply.header('Content-Disposition', `attachment; filename="${name}"`);
    switch (format) {
      case 'abuseipdb':
        return file('sekisho-abuseipdb.csv').type('text/csv; charset=utf-8').send(abuseIpdbCsv(list));
      case 'blocklist-de':
        return file('sekisho-blocklist-de.txt').type('text/plain; charset=utf-8').send(blocklistDe(list));
      case 'stix':
        return file('sekisho-stix.json').send(stixBundle(list, by, Date.now()));
      case 'misp':
        return file('sekisho-misp.json').send(mispEvent(list, by, Date.now()));
    }
  }
}

async function gather(
  journal: Journal,
  filter: EventFilter,
  isExempt: (address: string) => boolean,
): Promise<Sources> {
  const sources = new Sources(isExempt);
  let before: string | null = null;
  for (let rows = 0; rows < listRows; ) {
    const { events, next } = await journal.page(filter, step, before);
    sources.add(events);
    rows += events.length;
    if (next === null) break;
    before = next;
  }
  return sources;
}

export const adminReports = fp(reportApi, {
  name: 'sekisho-admin-reports',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});
