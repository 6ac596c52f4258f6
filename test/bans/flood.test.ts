/** 100,000 attackers, each with its own address. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PrefixSet } from '../../src/address/prefix-set.ts';
import { BanService } from '../../src/bans/ban-service.ts';
import { BanLedger } from '../../src/bans/ledger.ts';
import { EventBacklog } from '../../src/fleet/event-backlog.ts';
import { RateTable } from '../../src/limit/rate-table.ts';
import { corpusConfig, runGateway, trustedAddress } from '../support/gateway.ts';
import { probeOf } from '../support/probe-event.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Heap and array buffers after a garbage collection, in MiB. */
function memory(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1024 ** 2;
}

const address = (i: number) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

test('100,000 attackers fill no table beyond its bound, and are all banned', async () => {
  const time = { now: 0 };
  const ledger = new BanLedger({
    after: 5,
    within: 600_000,
    for: [600_000],
    exempt: new PrefixSet([]),
    clock: () => time.now,
  });
  const errors: unknown[] = [];
  const service = await BanService.start({
    ledger,
    journal: null,
    lists: [],
    onBan: () => {},
    onError: (error) => errors.push(error),
    onWarning: (words) => errors.push(words),
  });
  const backlog = new EventBacklog();
  const rates = new RateTable({ name: 'all', max: 1000, timeWindow: 60_000 });
  rates.shares();
  const before = memory();
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 100_000; i++) {
      time.now += 0.12;
      const event = probeOf(address(i), { time: time.now });
      service.onEvent(event);
      backlog.add(event);
      rates.hit(`${address(i)}/32`, time.now);
    }
  }
  assert.equal([...ledger.active()].length, 100_000, 'every one of them');
  assert.equal(ledger.isBanned(`${address(99_999)}/32`), true);
  assert.equal(backlog.size, 10_000);
  const grown = memory() - before;
  assert.ok(grown < 80, `${grown.toFixed(0)} MiB more`);
  // A million more clients with one probe each: none is banned, and memory no longer grows.
  for (let i = 0; i < 1_000_000; i++) {
    service.onEvent(probeOf(`172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`));
    rates.hit(`172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32`, time.now);
  }
  assert.ok(ledger.counts.offenders <= 400_001, `${ledger.counts.offenders} offenders`);
  assert.ok(rates.size <= 200_000, `${rates.size} counted`);
  const most = memory() - before;
  assert.ok(most < 250, `${most.toFixed(0)} MiB more`);
  service.close();
});

test('attackers through the gateway do not affect ordinary clients', async (t) => {
  const backend = await recordingBackend(t);
  const { port, events } = await runGateway(t, corpusConfig(backend.url));
  const attack = async (i: number) => {
    const probe = `GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nX-Forwarded-For: ${address(i)}\r\n\r\n`;
    const { responses } = await exchange(port, probe, { from: trustedAddress });
    assert.equal(responses[0]?.status, 421);
  };
  const ordinary = async () => {
    const { responses } = await exchange(port, 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n', {
      until: 1,
    });
    assert.equal(responses[0]?.status, 200);
  };
  for (let i = 0; i < 2000; i += 20) {
    await Promise.all([...Array.from({ length: 20 }, (_, one) => attack(i + one)), ordinary()]);
  }
  assert.equal(new Set(events.map(({ client }) => client)).size, 2000);
  assert.equal(backend.requests.length, 100);
});
