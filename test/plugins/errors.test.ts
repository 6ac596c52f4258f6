/** Errors thrown by the plugins carry codes. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { alerts, bans, dashboard, forward, metrics, rateLimit, relayGuard } from '../../src/index.ts';

const hosts = ['www.example.net'];
const token = 'a-token-for-tests-0123456789';
const wrong = { hots: ['a'] } as never;

const rows: readonly [string, string, (app: FastifyInstance) => unknown][] = [
  ...[alerts, bans, dashboard, forward, metrics, relayGuard].map(
    (plugin, index): [string, string, (app: FastifyInstance) => unknown] => [
      `an unknown option of plugin ${index}`,
      'SEKISHO_ERR_CONFIG',
      (app) => app.register(plugin as typeof bans, wrong),
    ],
  ),
  ['rateLimit without a guard', 'SEKISHO_ERR_NO_GUARD', (app) => app.register(rateLimit)],
  ['metrics without a guard', 'SEKISHO_ERR_NO_GUARD', (app) => app.register(metrics, { token })],
  [
    'alerts without a guard',
    'SEKISHO_ERR_NO_GUARD',
    (app) => app.register(alerts, { webhook: 'http://127.0.0.1:9/' }),
  ],
  ['dashboard without a guard', 'SEKISHO_ERR_NO_GUARD', (app) => app.register(dashboard, { token })],
  [
    'two guards',
    'SEKISHO_ERR_GUARDED_ALREADY',
    (app) => {
      app.register(relayGuard, { hosts });
      app.register(async (inner) => inner.register(relayGuard, { hosts }), { prefix: '/a' });
    },
  ],
  [
    'a list that is none',
    'SEKISHO_ERR_BAN_LIST',
    (app) => app.register(bans, { lists: [import.meta.filename] }),
  ],
  [
    'a journal in no folder',
    'SEKISHO_ERR_JOURNAL',
    (app) => app.register(bans, { journal: '/nowhere/bans.db' }),
  ],
  [
    'a ban of everybody',
    'SEKISHO_ERR_BAN_PREFIX',
    async (app) => {
      await app.register(bans, {});
      app.bans.ledger.add({ prefix: '0.0.0.0/0' });
    },
  ],
  [
    'a dashboard at a port that is taken',
    'SEKISHO_ERR_LISTEN',
    async (app) => {
      const other = createServer().listen(0, '127.0.0.1');
      app.addHook('onClose', async () => void other.close());
      await new Promise((done) => other.once('listening', done));
      const { port } = other.address() as { port: number };
      app.register(relayGuard, { hosts });
      app.register(dashboard, { token, listen: `127.0.0.1:${port}` });
    },
  ],
];

suite('the code of the error for', () => {
  for (const [name, code, start] of rows)
    test(`${name} is ${code}`, async (t) => {
      const app = Fastify();
      t.after(() => app.close());
      await assert.rejects(
        async () => {
          await start(app);
          await app.ready();
        },
        { code },
      );
    });
});
