/**
 * Bans as a Fastify plugin: keeps the ledger, and refuses banned clients in an app that has no checkpoint. If `relayGuard` is
 * registered too, this plugin counts what the guard blocks, and the guard refuses the clients banned here.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { PrefixSet } from '../src/address/prefix-set.ts';
import type { BanJournal, SqliteBanJournalOptions } from '../src/bans/ban-journal.ts';
import { BanService } from '../src/bans/ban-service.ts';
import { BanLedger } from '../src/bans/ledger.ts';
import { type BansSettings, compileBans } from '../src/config/ban-options.ts';
import { codedError } from '../src/errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The bans of this app. */
    bans: BanService;
  }
}

export type BansOptions = BansSettings;

async function bansPlugin(app: FastifyInstance, options: BansOptions): Promise<void> {
  const service = await ownService(app, options);
  app.decorate('bans', service);
  app.addHook('onClose', async () => service.close());
  app.addHook('onRequest', async (request, reply) => {
    // A checkpoint has checked already, and knows which proxies to trust.
    if (app.hasDecorator('relayGuard') || !service.ledger.bans(request.ip)) return;
    reply.header('connection', 'close');
    await reply
      .code(403)
      .type('text/plain; charset=utf-8')
      .send('403 Forbidden\nRefused: the client is banned.\n');
  });
}

async function ownService(app: FastifyInstance, settings: BansSettings): Promise<BanService> {
  const { after, within, for: terms, allow, lists, prefix6 } = compileBans(settings);
  const { journal, onBan = () => {} } = settings;
  const clock = Date.now;
  const onError = (error: unknown): void => app.log.error(error);
  const memory = Math.max(...terms);
  const exempt = PrefixSet.ofClients(allow);
  return BanService.start({
    ledger: new BanLedger({
      after,
      within,
      for: terms,
      exempt,
      prefix6,
      clock,
      elapsed: () => performance.now(),
    }),
    journal: journal === undefined ? null : await banJournal({ path: journal, memory, clock, onError }),
    lists,
    onBan,
    onError,
    onWarning: (words) => app.log.warn(words),
  });
}

async function banJournal(options: SqliteBanJournalOptions): Promise<BanJournal> {
  // Imported only when needed: loading SQLite prints a warning on older Node versions.
  const { SqliteBanJournal } = await import('../src/bans/ban-journal.ts');
  try {
    return new SqliteBanJournal(options);
  } catch (error) {
    const why = (error as Error).message;
    throw codedError('SEKISHO_ERR_JOURNAL', `bans: the journal ${options.path} can't be opened: ${why}`, {
      cause: error,
    });
  }
}

/**
 * Refuses clients that were blocked too often.
 *
 * @throws {ConfigError} naming every fault of the options
 * @throws {ListError} if a list can't be read
 */
export const bans = fp(bansPlugin, { name: 'sekisho-bans', fastify: '5.x' });
