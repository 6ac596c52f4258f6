import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Redis } from 'iovalkey';
import { ValkeyStore, type ValkeyStoreOptions } from '../../src/fleet/valkey-store.ts';
import { certificate } from '../support/certificate.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { eventually, type RedisServer, startRedis, stores } from '../support/redis.ts';
import { ban, remember, storeContract } from './store-contract.ts';

for (const server of stores)
  suite(server, { skip: without(server) }, () => {
    let redis: RedisServer;
    const stops: (() => unknown)[] = [];
    before(async () => {
      redis = await startRedis({ after: (stop) => stops.push(stop) }, { server });
    });
    after(async () => {
      for (const stop of stops) await stop();
    });

    async function connect(owner: Owner, options: Partial<ValkeyStoreOptions> = {}): Promise<ValkeyStore> {
      const store = new ValkeyStore({ url: redis.url, remember, onError: () => {}, ...options });
      owner.after(() => store.close());
      await eventually(() => store.connected, 'the store is connected');
      return store;
    }

    storeContract(server, { join: (owner, prefix) => connect(owner, { prefix }) });

    test("every key has the fleet's prefix and expires", async (t) => {
      const store = await connect(t, { prefix: 'tidy' });
      await store.putBans([ban('192.0.2.1/32'), ban('192.0.2.2/32', { until: 8_640_000_000_000_000 })]);
      await store.count([{ key: 'all:1:192.0.2.1/32', by: 1, ttl: 1000 }]);
      await store.strike([
        { prefix: '192.0.2.1/32', id: 'a', time: Date.now(), within: 1000, after: 5, since: 0 },
      ]);
      await store.append('a', 1, ['event']);
      const client = new Redis(redis.url);
      t.after(() => client.disconnect());
      const keys = (await client.keys('*')).filter((key) => key.includes('tidy'));
      assert.equal(keys.length, 8);
      for (const key of keys) {
        assert.ok(key.startsWith('{tidy}:'), key);
        assert.ok((await client.pttl(key)) > 0, `${key} never ends`);
      }
    });

    test('a cut connection is reported, fails calls at once, and reconnects', async (t) => {
      const store = await connect(t);
      const states: boolean[] = [];
      store.onState((trouble) => states.push(trouble === null));
      await eventually(() => states.length === 1, 'the connection is reported');
      const client = new Redis(redis.url);
      t.after(() => client.disconnect());
      await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await eventually(() => states.length >= 3, 'gone and back');
      assert.deepEqual(states.slice(0, 3), [true, false, true]);
      await store.putBans([ban('192.0.2.1/32')]);
    });

    test('a server that stops answering is disconnected', async (t) => {
      const mute = await startRedis(t, { server });
      const errors: Error[] = [];
      const store = await connect(t, { url: mute.url, onError: (error) => errors.push(error) });
      mute.process.signal('SIGSTOP');
      t.after(() => mute.process.signal('SIGCONT'));
      await assert.rejects(store.putBans([ban('192.0.2.1/32')]), /timed out/);
      await eventually(() => !store.connected, 'the store is taken for away');
      mute.process.signal('SIGCONT');
      await eventually(() => store.connected, 'the store is back');
    });

    test('a user with only the documented permissions suffices, over TLS', async (t) => {
      const { cert, key } = await certificate(t, ['127.0.0.1']);
      const docs = readFileSync(join(import.meta.dirname, '../../docs/fleet.md'), 'utf8');
      const rule = /^ACL SETUSER (.+)$/m.exec(docs)![1]!.replace('>PASSWORD', '>secret');
      const guarded = await startRedis(t, {
        server,
        tls: { cert, key },
        args: ['--user', ...rule.split(' '), '--user', 'default', 'off'],
      });
      const errors: Error[] = [];
      const store = await connect(t, {
        url: guarded.url.replace('//', '//sekisho:secret@'),
        ca: readFileSync(cert),
        onError: (error) => errors.push(error),
      });
      await store.putBans([ban('192.0.2.1/32')]);
      const found: string[] = [];
      for await (const page of store.allBans()) found.push(...page.map(({ prefix }) => prefix));
      assert.deepEqual(found, ['192.0.2.1/32']);
      await store.count([{ key: 'a', by: 1, ttl: 1000 }]);
      await store.strike([
        { prefix: '192.0.2.1/32', id: 'a', time: Date.now(), within: 1000, after: 5, since: 0 },
      ]);
      await store.append('a', 1, ['event']);
      assert.equal((await store.eventsAfter('0', 10)).length, 1);
      assert.equal(errors.length, 0, String(errors[0]));

      const stranger = new ValkeyStore({
        url: guarded.url,
        remember,
        onError: (error) => errors.push(error),
      });
      t.after(() => stranger.close());
      await eventually(() => errors.length > 0, 'an untrusted certificate is refused');
      assert.equal(stranger.connected, false);
    });
  });
