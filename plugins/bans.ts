/**
 * Bans as a Fastify plugin: keeps the ledger, and turns banned clients away in an app that has no checkpoint to do so. Where
 * `relayGuard` is registered too, what it blocks is counted here, and it refuses whom this bans.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { parsePrefix } from '../src/address/ip.ts';
import { PrefixSet } from '../src/address/prefix-set.ts';
import type { Ban } from '../src/bans/ban.ts';
import { SqliteBanJournal } from '../src/bans/ban-journal.ts';
import { BanPrefixError } from '../src/bans/ban-prefix.ts';
import { BanService } from '../src/bans/ban-service.ts';
import { BanLedger } from '../src/bans/ledger.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The bans of this app. */
    bans: BanService;
  }
}

export interface BansOptions {
  /** A service that is there already: it becomes `app.bans`, nobody is turned away here, and the options below are its affair. */
  readonly service?: BanService;
  /** Blocked probes by one client until it is banned. @default 5 */
  readonly after?: number;
  /** The time in which they must fall, in milliseconds. @default 600_000 */
  readonly within?: number;
  /** How long the first, second, third … ban lasts, in milliseconds; the last one repeats. @default 10 min, 1 h, 1 d */
  readonly for?: readonly number[];
  /** Prefixes that are never banned, whatever they send. @default none */
  readonly allow?: readonly string[];
  /** Absolute names of files with prefixes that are always banned. @default none */
  readonly lists?: readonly string[];
  /** File in which bans outlive the process. @default none */
  readonly journal?: string;
  /** Told of each ban. */
  readonly onBan?: (ban: Ban) => void;
}

async function bansPlugin(app: FastifyInstance, options: BansOptions): Promise<void> {
  const service = options.service ?? (await ownService(app, options));
  app.decorate('bans', service);
  if (options.service !== undefined) return;
  app.addHook('onClose', async () => service.close());
  app.addHook('onRequest', async (request, reply) => {
    // The checkpoint has asked already, and knows which proxies to believe.
    if (app.hasDecorator('relayGuard') || !service.ledger.bans(request.ip)) return;
    reply.header('connection', 'close');
    await reply
      .code(403)
      .type('text/plain; charset=utf-8')
      .send('403 Forbidden\nRefused: the client is banned.\n');
  });
}

async function ownService(
  app: FastifyInstance,
  {
    after = 5,
    within = 600_000,
    for: terms = [600_000, 3_600_000, 86_400_000],
    allow = [],
    lists = [],
    journal,
    onBan = () => {},
  }: BansOptions,
): Promise<BanService> {
  if (!Number.isInteger(after) || after < 1)
    throw new RangeError('bans: `after` must be a whole number, 1 or more');
  if (!(within > 0)) throw new RangeError('bans: `within` must be more than 0 milliseconds');
  if (terms.length === 0 || !terms.every((term) => term > 0))
    throw new RangeError('bans: `for` must list one time or more, in milliseconds');
  const clock = Date.now;
  const onError = (error: unknown): void => app.log.error(error);
  const memory = Math.max(...terms);
  return BanService.start({
    ledger: new BanLedger({ after, within, for: terms, exempt: exemptions(allow), clock }),
    journal: journal === undefined ? null : new SqliteBanJournal({ path: journal, memory, clock, onError }),
    lists,
    onBan,
    onError,
  });
}

function exemptions(allow: readonly string[]): PrefixSet {
  return new PrefixSet(
    allow.map((text) => {
      const prefix = parsePrefix(text);
      if (prefix === null)
        throw new BanPrefixError(`bans: \`allow\` holds ${JSON.stringify(text)}, which is no prefix`);
      return prefix;
    }),
  );
}

export const bans = fp(bansPlugin, { name: 'sekisho-bans', fastify: '5.x' });
