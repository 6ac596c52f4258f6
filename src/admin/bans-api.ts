/**
 * Bans over HTTP, for the admin server: register it behind the token check. Needs `app.bans`.
 *
 * - `GET /api/bans`: `{ bans, listed, total }`, newest first; `?limit=` (default 1000); `?format=plain|nftables|nginx|haproxy`
 *   returns the whole current list as text, without what is allow-listed;
 * - `POST /api/bans` with `{ prefix, for, reason }` (`for` as in the config, `1h`; without it: permanent);
 * - `DELETE /api/bans/:prefix`, with the slash literal or as %2F.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { type Ban, endOf } from '../bans/ban.ts';
import { type ExportFormat, exportBans, exportFormats } from '../bans/ban-export.ts';
import { banPrefix, embeddedNote } from '../bans/ban-prefix.ts';
import type { BanLedger } from '../bans/ledger.ts';
import { parseDuration } from '../config/quantity.ts';
import { ApiError } from './api-types.ts';
import Type from './json-schema.ts';
import { BanAnswer, BanRequest, BansAnswer, either, type Ban as ShownBan } from './status-types.ts';

interface ListQuery {
  readonly limit?: string;
  readonly format?: string;
}

interface AddBody {
  readonly prefix?: unknown;
  readonly for?: unknown;
  readonly reason?: unknown;
}

const mostShown = 10_000;

/** The bans API in the OpenAPI document. */
export const bansDocumented = {
  list: {
    summary: 'The bans in force',
    querystring: Type.Object({
      limit: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: mostShown,
          default: 1000,
          description: 'Maximum number of bans in the answer.',
        }),
      ),
      format: Type.Optional(
        Type.Unsafe<ExportFormat>({
          type: 'string',
          enum: [...exportFormats],
          description: 'The whole list as text for that program.',
        }),
      ),
    }),
    response: { 200: either(BansAnswer, { 'text/plain': 'One ban per line.' }), 400: ApiError },
  },
  add: {
    summary: 'Bans an address or a prefix',
    description:
      'Takes `{ "prefix": "198.51.100.7", "for": "1h", "reason": "…" }`; without `for` the ban is permanent. Answers 201, or 409 if ' +
      'bans are off.',
    body: BanRequest,
    response: { 201: BanAnswer, 400: ApiError, 409: ApiError },
  },
  remove: {
    summary: 'Removes a ban',
    description: 'Answers the ban that was removed, or 404 if the prefix is not banned.',
    params: Type.Object({
      '*': Type.String({ description: 'The prefix, its slash literal or as %2F.' }),
    }),
    response: { 200: BanAnswer, 400: ApiError, 404: ApiError, 409: ApiError },
  },
};

/** The route checks its own input: its messages say how to fix it, Ajv's do not. */
export const unchecked = () => () => true;

export interface BansApiOptions {
  /** Bans that apply only at the mail guard: listed and removed like the others, but in no list for a packet filter. @default none */
  readonly mail?: BanLedger | null;
}

async function bansApi(app: FastifyInstance, { mail = null }: BansApiOptions): Promise<void> {
  const { ledger } = app.bans;

  app.get<{ Querystring: ListQuery }>(
    '/api/bans',
    { schema: bansDocumented.list, validatorCompiler: unchecked },
    async ({ query }, reply) => {
      if (query.format !== undefined) {
        if (!exportFormats.includes(query.format as ExportFormat))
          return refuse(reply, `format must be one of ${exportFormats.join(', ')}`);
        reply.type('text/plain; charset=utf-8');
        const { lists, exempt } = ledger;
        return exportBans(query.format as ExportFormat, ledger.active(), lists, Date.now(), exempt);
      }
      const limit = Number(query.limit ?? 1000);
      if (!Number.isInteger(limit) || limit < 1 || limit > mostShown)
        return refuse(reply, `limit must be a whole number from 1 to ${mostShown}`);
      const { active, listed } = ledger.counts;
      const ofMail = mail?.newest(limit).map((ban): ShownBan => ({ ...shown(ban), scope: 'mail' })) ?? [];
      const bans = [...ledger.newest(limit).map(shown), ...ofMail]
        .sort((a, b) => b.since.localeCompare(a.since))
        .slice(0, limit);
      return { bans, total: active + (mail?.counts.active ?? 0), listed };
    },
  );

  app.post<{ Body: AddBody | null }>(
    '/api/bans',
    { schema: bansDocumented.add, validatorCompiler: unchecked },
    async ({ body }, reply) => {
      const { prefix, for: term, reason } = body ?? {};
      if (typeof prefix !== 'string') return refuse(reply, 'prefix is missing: {"prefix": "192.0.2.1"}');
      const milliseconds = typeof term === 'string' ? parseDuration(term) : null;
      if (term !== undefined && milliseconds === null)
        return refuse(reply, 'for is not a duration: write a number and s, m, h or d, such as 1h');
      if (reason !== undefined && typeof reason !== 'string') return refuse(reply, 'reason must be text');
      return answer(reply, () => {
        const ban = ledger.add({
          prefix,
          ...(milliseconds === null ? {} : { for: milliseconds }),
          ...(reason === undefined ? {} : { reason }),
        });
        const exempt = ledger.isExempt(ban.prefix.split('/', 1)[0]!);
        const notes = [
          ...(exempt ? ['it is on the allow-list, which beats every ban'] : []),
          ...[embeddedNote(prefix)].filter((note) => note !== null),
        ];
        reply.code(201);
        return { ban: shown(ban), ...(notes.length === 0 ? {} : { note: notes.join('; ') }) };
      });
    },
  );

  app.delete<{ Params: { '*': string } }>(
    '/api/bans/*',
    { schema: bansDocumented.remove },
    async ({ params }, reply) =>
      answer(reply, () => {
        const text = params['*'];
        const ofMail = mail?.remove(text) ?? null;
        const ban = ledger.remove(text) ?? ofMail;
        if (ban !== null) return { ban: ban === ofMail ? { ...shown(ban), scope: 'mail' } : shown(ban) };
        const prefix = banPrefix(text);
        const wider = ledger.banOf(prefix);
        reply.code(404);
        if (wider !== null)
          return { error: `${prefix} is banned as part of ${wider.prefix}: remove that ban` };
        return ledger.isListed(prefix)
          ? { error: `${prefix} is on an imported list: remove it there, or add it to bans.allow` }
          : { error: `${prefix} is not banned` };
      }),
  );
}

function answer(reply: FastifyReply, act: () => object): object {
  try {
    return act();
  } catch (error) {
    // By code, not by class: an app that loads the plugins with require() has the ledger of the CommonJS build.
    if ((error as { code?: string }).code === 'SEKISHO_ERR_BAN_PREFIX')
      return refuse(reply, (error as Error).message);
    throw error;
  }
}

function refuse(reply: FastifyReply, error: string): object {
  reply.code(400);
  return { error };
}

const shown = ({ prefix, since, until, level, by, reason }: Ban): ShownBan => ({
  prefix,
  since: new Date(since).toISOString(),
  until: endOf({ until }) === null ? null : new Date(until).toISOString(),
  level,
  by,
  reason,
});

export const bansRoutes = fp(bansApi, {
  name: 'sekisho-bans-api',
  fastify: '5.x',
  decorators: { fastify: ['bans'] },
});
