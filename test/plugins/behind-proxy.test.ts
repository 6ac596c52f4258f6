/** The guard behind a proxy: which address is the client, and the warning for apps that do not name the proxy. */
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { type BansOptions, bans } from '../../plugins/bans.ts';
import { rateLimit } from '../../plugins/rate-limit.ts';
import { type RelayGuardOptions, relayGuard } from '../../plugins/relay-guard.ts';

const hosts = ['www.example.net'];

interface Logged {
  readonly app: FastifyInstance;
  readonly warnings: readonly string[];
}

function logged(t: TestContext, trustProxy: unknown): Logged {
  const warnings: string[] = [];
  const stream = { write: (line: string) => void warnings.push((JSON.parse(line) as { msg: string }).msg) };
  const app = Fastify({ trustProxy, logger: { level: 'warn', stream } } as object);
  t.after(() => app.close());
  return { app, warnings };
}

const from = (client: string, host = 'www.example.net') => ({
  url: '/a',
  headers: { host, 'x-forwarded-for': client },
});

suite('an app that trusts a proxy', () => {
  for (const trustProxy of [true, '10.0.0.1', ['10.0.0.1'], 1, () => true])
    for (const [name, plugin] of [
      ['bans', bans],
      ['limits', rateLimit],
    ] as const)
      test(`(${String(trustProxy)}) with ${name} is warned to name the proxy to the guard`, async (t) => {
        const { app, warnings } = logged(t, trustProxy);
        await app.register(relayGuard, { hosts });
        await app.register(plugin as typeof bans, {});
        await app.ready();
        assert.equal(warnings.length, 1);
        assert.match(warnings[0]!, /all clients are banned and limited as one\. name .* trustedProxies/);
      });

  test('is not warned without bans and limits, or if it has named the proxy', async (t) => {
    const uncounted = logged(t, true);
    await uncounted.app.register(relayGuard, { hosts });
    const named = logged(t, true);
    await named.app.register(relayGuard, { hosts, trustedProxies: ['127.0.0.1'] });
    await named.app.register(bans, {});
    for (const { app, warnings } of [uncounted, named]) {
      await app.inject(from('192.0.2.1'));
      assert.deepEqual(warnings, []);
    }
  });

  test('is warned once about an untrusted X-Forwarded-For', async (t) => {
    const { app, warnings } = logged(t, false);
    await app.register(relayGuard, { hosts });
    await app.register(bans, {});
    for (let i = 0; i < 3; i++) await app.inject(from('192.0.2.1'));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /^127\.0\.0\.1 sends X-Forwarded-For .* trustedProxies/);
  });
});

suite("trustedProxies: 'inherit'", () => {
  const addresses = (address: string) => address === '127.0.0.1';
  for (const trustProxy of ['127.0.0.1', '10.0.0.0/8, loopback', ['127.0.0.0/8'], addresses])
    test(`(${String(trustProxy)}) counts for the client that the proxy names`, async (t) => {
      const { app, warnings } = logged(t, trustProxy);
      await app.register(relayGuard, { hosts, trustedProxies: 'inherit' });
      await app.register(bans, { after: 1 });
      app.get('/a', async () => 'a');
      assert.equal((await app.inject(from('192.0.2.1', 'www.example.com'))).statusCode, 421);
      assert.equal((await app.inject(from('192.0.2.1'))).statusCode, 403);
      assert.equal((await app.inject(from('192.0.2.2'))).statusCode, 200);
      // Through the proxy, without naming the client: no other client may be banned for it.
      assert.equal((await app.inject({ url: '/a', headers: { host: 'www.example.com' } })).statusCode, 421);
      assert.equal((await app.inject(from('192.0.2.2'))).statusCode, 200);
      assert.deepEqual(warnings, []);
    });

  for (const [trustProxy, what] of [
    [true, 'trustProxy: true, which trusts everyone'],
    [2, 'trustProxy: 2, which counts hops and names no proxy'],
    [(_address: string, hop: number) => hop < 2, 'a trustProxy function that counts hops'],
    [undefined, 'no trustProxy that it could take over'],
  ] as const)
    test(`is refused for ${what}`, async (t) => {
      const { app } = logged(t, trustProxy);
      await assert.rejects(
        async () => app.register(relayGuard, { hosts, trustedProxies: 'inherit' } as RelayGuardOptions),
        (error: Error) =>
          error.message.startsWith(`trustedProxies: "inherit" finds ${what}. list your proxies`),
      );
    });

  test('trusts no address for which the trustProxy function throws', async (t) => {
    const { app } = logged(t, (_address: string) => {
      throw new Error('no');
    });
    const seen: string[] = [];
    await app.register(relayGuard, {
      hosts,
      trustedProxies: 'inherit',
      onProbe: ({ client }) => seen.push(client),
    });
    assert.equal((await app.inject(from('192.0.2.1', 'www.example.com'))).statusCode, 421);
    assert.deepEqual(seen, ['127.0.0.1']);
  });
});

suite('the bans plugin', () => {
  test('reports all faults of its options at once', async () => {
    const wrong = { afetr: 3, within: '10 minutes', for: [0, 'ever'], allow: ['10.0.0.1/8'], onBan: 1 };
    await assert.rejects(
      async () => Fastify().register(bans, wrong as unknown as BansOptions),
      (error: Error) => {
        assert.deepEqual(
          error.message.split('\n').map((line) => line.split(':', 1)[0]),
          ['afetr', 'onBan', 'within', 'for[0]', 'for[1]', 'allow[0]'],
        );
        return true;
      },
    );
  });

  test("accepts times in the config's notation and in milliseconds", async (t) => {
    for (const [within, terms] of [
      ['10m', ['1h']],
      [600_000, [3_600_000]],
    ] as const) {
      const { app } = logged(t, false);
      await app.register(relayGuard, { hosts });
      const until: number[] = [];
      await app.register(bans, { after: 1, within, for: [...terms], onBan: (ban) => until.push(ban.until) });
      const start = Date.now();
      await app.inject({ url: '/', headers: { host: 'www.example.com' } });
      assert.ok(Math.abs(until[0]! - start - 3_600_000) < 60_000, String(until[0]));
    }
  });
});
