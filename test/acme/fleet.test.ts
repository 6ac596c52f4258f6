/** Certificates of a fleet of two gateways, with a real Pebble and a real Redis. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'iovalkey';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import {
  acme,
  host,
  issued,
  type OrderingGateway,
  startOrdering,
  statusOf,
} from '../support/ordering-gateway.ts';
import { startPebble } from '../support/pebble.ts';
import { startFront } from '../support/pebble-front.ts';
import { without } from '../support/peers.ts';
import { startRedis } from '../support/redis.ts';

const owner = { after };
const secret = 'a secret that all gateways of the fleet know';

/** An authority, a store, and the ports of two gateways behind a balancer. @param next the gateway that gets a connection */
async function twoGateways(next: () => number) {
  const [pebble, redis] = await Promise.all([startPebble(owner), startRedis(owner)]);
  const front = await startFront(owner, pebble);
  const plain = [await freePort(), await freePort()];
  const secure = [await freePort(), await freePort()];
  const balancer = createServer((socket) => {
    const behind = connect(plain[next()]!, '127.0.0.1');
    socket.on('error', () => behind.destroy()).pipe(behind);
    behind.on('error', () => socket.destroy()).pipe(socket);
  }).listen(pebble.httpPort, '127.0.0.1');
  after(() => balancer.close());
  // At the end the client may outlive its server.
  const client = new Redis(redis.port, '127.0.0.1').on('error', () => {});
  after(() => client.disconnect());
  return { front, redis, plain, secure, client };
}

suite('certificates of a fleet', { skip: without('pebble', 'pebble-challtestsrv', 'redis-server') }, () => {
  test('one gateway orders, all answer challenges and serve; when it stops, another orders; the store holds no key in the clear', async () => {
    // Every other validation reaches the gateway that does not order.
    let turn = 0;
    const { front, redis, plain, secure, client } = await twoGateways(() => turn++ % 2);
    // Neither leads before both are connected.
    await client.set('{sekisho}:acme:leader', 'nobody');
    const started = await Promise.all(
      [0, 1].map((at) =>
        startOrdering(
          owner,
          `listen: ["127.0.0.1:${plain[at]}", { address: "127.0.0.1:${secure[at]}", tls: ${acme(front)} }]`,
          `fleet: { valkey: "${redis.url}" }\n`,
          '',
          `, secret: "${secret}"`,
        ),
      ),
    );
    await eventually(async () => (await client.zcard('{sekisho}:seen')) === 2, 'both are connected', 10_000);
    assert.equal(front.asked.length, 0, 'no gateway orders without the lock');
    await client.del('{sekisho}:acme:leader');
    const shown = await Promise.all(secure.map((port) => issued(port)));
    assert.equal(shown[0]!.serial, shown[1]!.serial);
    const orders = () =>
      front.asked.filter(({ path, payload }) => path === '/order-plz' && payload !== null).length;
    assert.equal(orders(), 1);
    assert.ok(turn >= 2, 'both were asked');

    const keys = (await client.keys('{sekisho}:acme:*')).sort();
    assert.deepEqual(keys, [
      `{sekisho}:acme:certificate:${host}.pem`,
      '{sekisho}:acme:index',
      '{sekisho}:acme:leader',
    ]);
    const lock = await client.pttl('{sekisho}:acme:leader');
    assert.ok(lock > 0 && lock <= 15_000, `the lock expires in ${lock} ms`);
    for (const key of keys) {
      const text = (await client.get(key))!;
      assert.doesNotMatch(text + Buffer.from(text, 'base64').toString('latin1'), /PRIVATE KEY|example/, key);
    }
    const accounts = await Promise.all(started.map(accountsOf));
    assert.deepEqual(accounts[0], accounts[1], 'the fleet shares one account');

    // The leader stops; the other takes over and orders the next certificate.
    const logs = () => started.map(({ process }) => process.stdout() + process.stderr());
    const leader = logs().findIndex((log) => log.includes('was issued'));
    assert.match(logs()[1 - leader]!, /received from the gateway that orders/);
    await started[leader]!.process.stop();
    const left = started[1 - leader]!;
    await left.change((yaml) => yaml.replace(host, `${host}, second.example.net`));
    plain[leader] = plain[1 - leader]!;
    await issued(secure[1 - leader]!, 'second.example.net').catch((error) => {
      throw new Error(logs().join('\n----\n'), { cause: error });
    });
    assert.equal(orders(), 2);
    const { certificates } = await statusOf(left);
    assert.deepEqual(
      certificates.map((one) => [one.host, one.trouble]),
      [
        [host, null],
        ['second.example.net', null],
      ],
    );
  });

  test('a leader killed in the middle of an order is followed by another gateway once its lock has expired, and not before', async () => {
    let alive = 0;
    const { front, redis, plain, secure, client } = await twoGateways(() => alive);
    const holder = () => client.get('{sekisho}:acme:leader');
    const start = (at: number) =>
      startOrdering(
        owner,
        `listen: ["127.0.0.1:${plain[at]}", { address: "127.0.0.1:${secure[at]}", tls: ${acme(front)} }]`,
        `fleet: { valkey: "${redis.url}" }\n`,
        '',
        `, secret: "${secret}"`,
      );

    const reached = Promise.withResolvers<void>();
    front.answer = async ({ path }) => {
      if (!path.startsWith('/finalize-order/')) return null;
      reached.resolve();
      return new Promise<never>(() => {});
    };
    const leader = await start(0);
    await reached.promise;
    const follower = await start(1);
    await eventually(async () => (await client.zcard('{sekisho}:seen')) === 2, 'both are connected', 10_000);
    await eventually(
      async () => isDeepStrictEqual(await accountsOf(follower), await accountsOf(leader)),
      'the follower has the account',
      10_000,
    );
    const dead = await holder();
    leader.process.signal('SIGKILL');
    assert.deepEqual(await leader.process.exited, { code: null, signal: 'SIGKILL' });
    front.answer = () => null;
    alive = 1;
    const orders = () =>
      front.asked.filter(({ path, payload }) => path === '/order-plz' && payload !== null).length;
    assert.equal(await holder(), dead, 'the lock outlives its holder');
    await eventually(
      async () => {
        const before = orders();
        const now = await holder();
        if (now === dead) assert.equal(before, 1, 'nobody orders while the lock holds');
        return now !== null && now !== dead;
      },
      'another gateway leads',
      30_000,
    );
    const { issuer, names } = await issued(secure[1]!);
    assert.match(issuer, /^Pebble Intermediate/);
    assert.equal(names, `DNS:${host}`);
    assert.equal(orders(), 2);
    const [certificate] = (await statusOf(follower)).certificates;
    assert.deepEqual([certificate?.host, certificate?.trouble], [host, null]);
    await eventually(
      async () => (await readdir(join(follower.folder, 'challenges'))).length === 0,
      'no challenge of the abandoned order is left',
      30_000,
    );
  });
});

async function accountsOf({ folder }: OrderingGateway): Promise<Record<string, string>> {
  const names = (await readdir(join(folder, 'accounts'))).filter((name) => name.endsWith('.pem'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, 'accounts', name), 'utf8')));
  return Object.fromEntries(names.map((name, at) => [name, texts[at]!]));
}
