/**
 * A limit on requests per client, by `@fastify/rate-limit`, counted by the prefix that the checkpoint counts a client by.
 * Register it after the checkpoint and before anything that answers.
 *
 * A request over the limit gets 429 with `Retry-After` (RFC 6585 section 4, RFC 9110 section 10.2.3) and the `RateLimit-*`
 * fields. Responses that are passed on from a backend carry none of these: they are the backend's own, and telling every
 * client how far it may go helps mostly those who mean to go there.
 */
import rateLimiter, { type CreateRateLimitOptions } from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { type RateLimitRules, RateLimits } from '../src/limit/rate-limits.ts';
import type { RateTable } from '../src/limit/rate-table.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The limits in force, and the counts behind them. */
    rateLimits: RateLimits;
  }
}

export interface RateLimitOptions extends RateLimitRules {
  /** Milliseconds since the epoch. @default Date.now */
  readonly clock?: () => number;
}

type Limiter = ReturnType<FastifyInstance['createRateLimit']>;

async function rateLimitPlugin(app: FastifyInstance, options: RateLimitOptions): Promise<void> {
  const { clock = Date.now, ...rules } = options;
  const limits = new RateLimits(rules, clock);
  app.decorate('rateLimits', limits);
  await app.register(rateLimiter, {
    global: false,
    keyGenerator: (request) => app.relayGuard.judge(request.raw).client.prefix,
    store: tableStore(clock) as never,
  });
  const limiters = new WeakMap<RateTable, Limiter>();
  const limiter = (table: RateTable): Limiter => {
    let known = limiters.get(table);
    if (known === undefined) {
      const { max, timeWindow } = table;
      known = app.createRateLimit({ max, timeWindow, table } as CreateRateLimitOptions);
      limiters.set(table, known);
    }
    return known;
  };
  app.addHook('onRequest', (request, reply, done) => {
    const judged = app.relayGuard.judge(request.raw);
    const table = limits.tableFor(judged);
    if (table === null) {
      done();
      return;
    }
    limiter(table)(request).then((state) => {
      if (state.isAllowed || !state.isExceeded) {
        done();
        return;
      }
      const { verdict, headers } = limits.excess(judged, table);
      reply.hijack();
      app.relayGuard.refuse(request.raw, reply.raw, verdict, headers);
    }, done);
  });
}

/** The store of `@fastify/rate-limit`, which makes one for itself and a child for each limit: a child is a table of ours. */
function tableStore(clock: () => number): object {
  return class TableStore {
    readonly #table: RateTable | undefined;

    constructor({ table }: { table?: RateTable }) {
      this.#table = table;
    }

    incr(prefix: string, callback: (error: Error | null, result: object) => void): void {
      const now = clock();
      const table = this.#table!;
      callback(null, { current: table.hit(prefix, now), ttl: table.left(now) });
    }

    child(limit: { table: RateTable }): TableStore {
      return new TableStore(limit);
    }
  };
}

export const rateLimit = fp(rateLimitPlugin, {
  name: 'sekisho-rate-limit',
  fastify: '5.x',
  dependencies: ['sekisho-relay-guard'],
});
