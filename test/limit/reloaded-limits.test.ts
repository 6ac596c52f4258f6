/** What becomes of counts, exemptions and open connections: the limits in this process, without a gateway. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { suite, test } from 'node:test';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import type { Judged } from '../../src/guard/checkpoint.ts';
import { type Client, peerOf } from '../../src/guard/client.ts';
import { ClientConnections } from '../../src/limit/client-connections.ts';
import { RateLimits } from '../../src/limit/rate-limits.ts';
import { WindowClock } from '../../src/limit/window-clock.ts';
import { corpusPolicy } from '../support/policy.ts';

const { policy } = corpusPolicy();
const site = policy.defaultSite;
const rules = {
  trustedProxies: PrefixSet.ofClients(['192.0.2.1']),
  allowed: PrefixSet.ofClients(['192.0.2.2']),
};
const client = (address: string): Client => peerOf({ remoteAddress: address }, rules);
/** The parts of a judged request that limits look at. */
const judged = (of: Client): Judged => ({ verdict: { site }, client: of }) as unknown as Judged;

suite('limits', () => {
  const none = PrefixSet.ofClients([]);
  const limit = { max: 2, timeWindow: 60_000 };
  const fresh = () => new RateLimits({ limit, exempt: none }, () => 1000);
  const over = (limits: RateLimits, of: Client): boolean => limits.hit(judged(of)) !== null;

  test('an unchanged limit keeps its counts, a changed one begins anew', () => {
    const limits = fresh();
    const one = client('198.51.100.1');
    assert.deepEqual([over(limits, one), over(limits, one), over(limits, one)], [false, false, true]);
    limits.replace({ limit: { ...limit }, exempt: none });
    assert.equal(over(limits, one), true);
    limits.replace({ limit: { ...limit, max: 3 }, exempt: none });
    assert.equal(over(limits, one), false);
  });

  test('a limit of a site counts apart, and false lifts it', () => {
    const limits = fresh();
    const one = client('198.51.100.1');
    for (let i = 0; i < 3; i++) limits.hit(judged(one));
    limits.replace({ limit, sites: new Map([[site, { max: 1, timeWindow: 60_000 }]]), exempt: none });
    assert.deepEqual([over(limits, one), over(limits, one)], [false, true]);
    assert.equal(limits.tables.length, 2);
    limits.replace({ limit, sites: new Map([[site, false]]), exempt: none });
    assert.equal(limits.tableFor(judged(one)), null);
    limits.replace({ limit: false, exempt: none });
    assert.equal(limits.tableFor(judged(one)), null);
  });

  test('the answer over a limit names the seconds that are left, rounded up', () => {
    const limits = new RateLimits({ limit: { max: 1, timeWindow: 60_000 }, exempt: none }, () => 1001);
    const one = judged(client('198.51.100.1'));
    assert.equal(limits.hit(one), null);
    assert.deepEqual(limits.hit(one)!.headers, [
      ...['Retry-After', '59', 'RateLimit-Limit', '1'],
      ...['RateLimit-Remaining', '0', 'RateLimit-Reset', '59'],
    ]);
  });

  test('the allow-list of bans exempts too', () => {
    const limits = new RateLimits({ limit, exempt: PrefixSet.ofClients(['198.51.100.1']) }, () => 1000);
    assert.equal(limits.tableFor(judged(client('192.0.2.2'))), null);
  });

  test('another list of exempt clients applies to connections that are open', () => {
    const limits = new RateLimits({ limit, exempt: PrefixSet.ofClients(['198.51.100.1']) }, () => 1000);
    const [one, two] = [client('198.51.100.1'), client('198.51.100.2')];
    const counted = () => [one, two].map((of) => limits.tableFor(judged(of)) !== null);
    assert.deepEqual(counted(), [false, true]);
    limits.replace({ limit, exempt: PrefixSet.ofClients(['198.51.100.2']) });
    assert.deepEqual(counted(), [true, false]);
  });
});

test('connections of a client are limited, and those that close make room', async () => {
  const refused: string[] = [];
  const connections = new ClientConnections(2, ({ address }, max) => refused.push(`${address} ${max}`));
  const open = (address: string): Socket | null => {
    const socket = new Socket();
    return connections.admit(socket, client(address)) ? socket : null;
  };
  const close = async (socket: Socket | null): Promise<void> => {
    const closed = once(socket!, 'close');
    socket!.destroy();
    await closed;
  };
  const [first, second] = [open('198.51.100.1'), open('198.51.100.1')];
  assert.ok(first !== null && second !== null);
  assert.equal(open('198.51.100.1'), null);
  assert.deepEqual(refused, ['198.51.100.1 2']);
  assert.notEqual(open('198.51.100.2'), null, 'another client');
  await close(first);
  const third = open('198.51.100.1');
  assert.ok(third !== null);
  assert.equal(open('198.51.100.1'), null);
  await close(second);
  await close(third);
  assert.ok(open('198.51.100.1') !== null && open('198.51.100.1') !== null);
  assert.equal(open('198.51.100.1'), null);
  for (const address of ['192.0.2.1', '192.0.2.2', 'unix:'])
    for (let i = 0; i < 5; i++) assert.notEqual(open(address), null, 'shared by many users, or nobody');
});

test('the clock of the windows follows that of a fleet, unless it agrees or the answer was slow', () => {
  const day = 86_400_000;
  assert.ok(Math.abs(new WindowClock().now() - Date.now()) < day / 24, 'it starts at the time of day');
  const clock = new WindowClock(0);
  clock.follow(clock.now() + day, 101);
  assert.equal(clock.origin, 0, 'a slow answer');
  // Again where this process paused between the two looks at the clock.
  for (let paused = true; paused; ) {
    clock.origin = 0;
    const start = performance.now();
    clock.follow(clock.now() + 50, 0);
    paused = performance.now() - start > 50;
  }
  assert.equal(clock.origin, 0, 'nearly the same time');
  clock.follow(clock.now() + day, 100);
  assert.equal(Math.round(clock.origin / day), 1);
  clock.follow(clock.now() - day, 0);
  assert.equal(Math.round(clock.origin / day), 0);
});
