/**
 * Limits requests per client with `@fastify/rate-limit`, by the prefix that the checkpoint assigns to a client. Register it
 * after the checkpoint and before anything that answers.
 *
 * A request over the limit gets 429 with `Retry-After` (RFC 6585 section 4, RFC 9110 section 10.2.3) and the `RateLimit-*`
 * fields. Forwarded responses carry none of these: the response is the backend's own, and telling every client its remaining
 * quota mostly helps those who mean to use it up.
 */
import rateLimiter, { type CreateRateLimitOptions } from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { compileRateLimit, type RateLimitSettings } from '../src/config/rate-limit-options.ts';
import { noGuard } from '../src/events/probe-feed.ts';
import { RateLimits } from '../src/limit/rate-limits.ts';
import type { RateTable } from '../src/limit/rate-table.ts';
import { WindowClock } from '../src/limit/window-clock.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The limits in force, and their counts. */
    rateLimits: RateLimits;
  }
}

export type RateLimitOptions = RateLimitSettings;

type Limiter = ReturnType<FastifyInstance['createRateLimit']>;

/** Passed to a limiter instead of the request: the app's route may carry settings for the app's own `@fastify/rate-limit`. */
interface Counted {
  readonly prefix: string;
  readonly routeOptions: { readonly config: object };
}
const routeOptions = { config: {} };

async function rateLimitPlugin(app: FastifyInstance, options: RateLimitOptions): Promise<void> {
  if (!app.hasDecorator('relayGuard')) throw noGuard('rateLimit');
  const clock = new WindowClock().now;
  const limits = new RateLimits(compileRateLimit(options), clock);
  app.decorate('rateLimits', limits);
  const createRateLimit = await limiterMaker(clock);
  const limiters = new WeakMap<RateTable, Limiter>();
  const limiter = (table: RateTable): Limiter => {
    let known = limiters.get(table);
    if (known === undefined) {
      const { max, timeWindow } = table;
      known = createRateLimit({ max, timeWindow, table } as CreateRateLimitOptions);
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
    const counted: Counted = { prefix: judged.client.prefix, routeOptions };
    limiter(table)(counted as never).then((state) => {
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

/**
 * Gets the `createRateLimit` of `@fastify/rate-limit`, which decorates only one instance per app. Registered in an app that
 * uses the package itself, our limits would count in the app's store and apply to the app's routes. So it is registered in a
 * stand-in for an app.
 */
async function limiterMaker(clock: () => number): Promise<FastifyInstance['createRateLimit']> {
  const made: Partial<Pick<FastifyInstance, 'createRateLimit'>> = {};
  const host = {
    hasDecorator: () => false,
    decorate: (name: string, value: unknown) => Object.assign(made, { [name]: value }),
    decorateRequest: () => {},
    addHook: () => {},
  };
  await (rateLimiter as unknown as (app: typeof host, options: object) => Promise<void>)(host, {
    global: false,
    keyGenerator: (counted: Counted) => counted.prefix,
    store: tableStore(clock),
  });
  return made.createRateLimit!;
}

/** A store for `@fastify/rate-limit`, which makes one root and a child per limit. Each child counts in a table of ours. */
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

/**
 * Register it after `relayGuard`, which tells which client a request counts for.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const rateLimit = fp(rateLimitPlugin, { name: 'sekisho-rate-limit', fastify: '5.x' });
