/**
 * The bans over HTTP, for the admin server: register it behind the check of the token. Needs `app.bans`.
 *
 * - `GET /api/bans`: `{ bans, listed, total }`, newest first; `?limit=` (default 1000), `?format=plain|nftables|nginx|haproxy`
 *   gives the whole live list as text;
 * - `POST /api/bans` with `{ prefix, for, reason }` (`for` as in the config, `1h`; left out: for ever);
 * - `DELETE /api/bans/:prefix`, the slash as it is or as %2F.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { type Ban, endOf } from '../bans/ban.ts';
import { banPrefix } from '../bans/ban-prefix.ts';
import { type ExportFormat, exportBans, exportFormats } from '../bans/export.ts';
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
    summary: 'Who is banned',
    querystring: Type.Object({
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: mostShown, default: 1000, description: 'Bans in the answer.' }),
      ),
      format: Type.Optional(
        Type.Unsafe<ExportFormat>({
          type: 'string',
          enum: [...exportFormats],
          description: 'The whole list as text, for that program.',
        }),
      ),
    }),
    response: { 200: either(BansAnswer, { 'text/plain': 'A ban a line.' }), 400: ApiError },
  },
  add: {
    summary: 'Bans an address or a prefix',
    description:
      'Takes `{ "prefix": "198.51.100.7", "for": "1h", "reason": "…" }`; without `for` the ban has no end. Answers 201; 409 where ' +
      'bans are off.',
    body: BanRequest,
    response: { 201: BanAnswer, 400: ApiError, 409: ApiError },
  },
  remove: {
    summary: 'Takes a ban back',
    description: 'Answers the ban that is over, or 404 where the prefix is not banned.',
    params: Type.Object({
      '*': Type.String({ description: 'The prefix, its slash as it is or as %2F.' }),
    }),
    response: { 200: BanAnswer, 400: ApiError, 404: ApiError, 409: ApiError },
  },
};

/** What is asked is looked at by the route itself, whose words say the fix. */
export const unchecked = () => () => true;

export interface BansApiOptions {
  /** Bans that hold at the mail guard alone: listed and taken back with the others, in no list for a packet filter. @default none */
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
          return refuse(reply, `format is none of ${exportFormats.join(', ')}`);
        reply.type('text/plain; charset=utf-8');
        return exportBans(query.format as ExportFormat, ledger.active(), ledger.lists, Date.now());
      }
      const limit = Number(query.limit ?? 1000);
      if (!Number.isInteger(limit) || limit < 1 || limit > mostShown)
        return refuse(reply, `limit is no whole number from 1 to ${mostShown}`);
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
        return refuse(reply, 'for is no time: write a number and s, m, h or d, such as 1h');
      if (reason !== undefined && typeof reason !== 'string') return refuse(reply, 'reason is no text');
      return answer(reply, () => {
        const ban = ledger.add({
          prefix,
          ...(milliseconds === null ? {} : { for: milliseconds }),
          ...(reason === undefined ? {} : { reason }),
        });
        const exempt = ledger.isExempt(ban.prefix.split('/', 1)[0]!);
        reply.code(201);
        return {
          ban: shown(ban),
          ...(exempt ? { note: 'it is on the allow-list, which beats every ban' } : {}),
        };
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
        if (wider !== null) return { error: `${prefix} is banned by way of ${wider.prefix}: remove that` };
        return ledger.isListed(prefix)
          ? { error: `${prefix} is on an imported list: take it out there, or allow it in the config` }
          : { error: `${prefix} is not banned` };
      }),
  );
}

function answer(reply: FastifyReply, act: () => object): object {
  try {
    return act();
  } catch (error) {
    // By its code: in an app that requires the plugins the ledger is that of the CommonJS build.
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
