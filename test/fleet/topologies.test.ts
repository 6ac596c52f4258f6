/** Valkey clusters, Sentinels, and a master that becomes a replica. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Redis } from 'iovalkey';
import { freePort } from '../support/free-port.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { startProcess } from '../support/process.ts';
import { eventually, startRedis, stores } from '../support/redis.ts';
import { tempDir } from '../support/temp-dir.ts';
import { member } from './member.ts';

function client(owner: Owner, url: string): Redis {
  const redis = new Redis(url);
  redis.on('error', () => {});
  owner.after(() => redis.disconnect());
  return redis;
}

/** Bans and events are shared, and a late joiner gets everything. */
async function works(owner: Owner, url: string): Promise<void> {
  const name = randomUUID();
  const [a, b] = [await member(owner, name, url), await member(owner, name, url)];
  for (let i = 0; i < 4; i++) a.probe('192.0.2.1');
  await eventually(() => b.ledger.isBanned('192.0.2.1/32'), 'the ban is heard');
  await eventually(() => a.fleet.health.backlog === 0, 'events have left');
  const late = await member(owner, name, url);
  assert.equal(late.ledger.isBanned('192.0.2.1/32'), true);
  for (const { errors } of [a, b, late]) assert.deepEqual(errors, []);
}

for (const server of stores)
  suite(server, { skip: without(server) }, () => {
    test('a cluster keeps all keys of a fleet on one node', async (t) => {
      // The cluster bus uses port + 10,000, which another connection may occupy.
      const buses = [await freePort(), await freePort()] as const;
      const node = (bus: number) =>
        startRedis(t, { server, args: ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`] });
      const nodes = [await node(buses[0]), await node(buses[1])] as const;
      const [one, two] = nodes.map(({ url }) => client(t, url)) as [Redis, Redis];
      await one.call('CLUSTER', 'ADDSLOTSRANGE', 0, 8191);
      await two.call('CLUSTER', 'ADDSLOTSRANGE', 8192, 16383);
      await two.call('CLUSTER', 'SET-CONFIG-EPOCH', 2);
      await one.call('CLUSTER', 'MEET', '127.0.0.1', nodes[1].port, buses[1]);
      for (const redis of [one, two])
        await eventually(
          async () => String(await redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok'),
          'the cluster is up',
          30_000,
        );
      await works(t, `redis+cluster://127.0.0.1:${nodes[0].port},127.0.0.1:${nodes[1].port}`);
    });

    test('with Sentinels the fleet follows the master, also after failover', async (t) => {
      const sentinel = requirePeer(server);
      const master = await startRedis(t, { server });
      const replica = await startRedis(t, { server, args: ['--replicaof', '127.0.0.1', `${master.port}`] });
      const port = await freePort();
      const file = join(await tempDir(t, 'sentinel'), 'sentinel.conf');
      await writeFile(
        file,
        `port ${port}
bind 127.0.0.1
sentinel monitor gate 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds gate 500
sentinel failover-timeout gate 3000
`,
      );
      const watcher = await startProcess(t, sentinel, [file, '--sentinel']);
      await watcher.waitForLine(/\+slave slave/, 30_000);
      const url = `redis+sentinel://127.0.0.1:${port}/gate`;
      await works(t, url);
      const one = await member(t, randomUUID(), url);
      one.ledger.add({ prefix: '192.0.2.7' });
      await eventually(() => one.fleet.health.backlog === 0, 'the events are sent');
      await master.kill();
      const there = client(t, replica.url);
      const promoted = async (): Promise<boolean> => ((await there.call('ROLE')) as string[])[0] === 'master';
      await eventually(
        async () => (await promoted()) && one.store.connected,
        'the new master is found',
        40_000,
      );
      await eventually(() => one.fleet.health.state === 'connected', 'together again', 20_000);
      one.ledger.add({ prefix: '192.0.2.8' });
      await eventually(
        async () => (await there.keys('*ban:192.0.2.[78]/32')).length === 2,
        'both bans are there',
      );
    });

    test('a master that becomes a replica is dropped and reported, and used again once it is master', async (t) => {
      const [first, other] = [await startRedis(t, { server }), await startRedis(t, { server })];
      const one = await member(t, randomUUID(), first.url);
      const admin = client(t, first.url);
      await admin.call('REPLICAOF', '127.0.0.1', other.port);
      await eventually(() => /is a read-only replica/.test(one.fleet.health.why), 'it is reported');
      assert.equal(one.store.connected, false);
      one.ledger.add({ prefix: '192.0.2.1' });
      await admin.call('REPLICAOF', 'NO', 'ONE');
      await eventually(() => one.fleet.health.state === 'connected', 'taken again');
      await eventually(
        async () => (await admin.keys('*ban:192.0.2.1/32')).length === 1,
        'what was decided meanwhile',
      );
    });
  });
