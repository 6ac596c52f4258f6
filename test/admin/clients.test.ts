/** One client in the admin API, and events of decoys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDecoy } from '../decoys/support.ts';
import { foreign, runCheckpoint } from '../support/checkpoint.ts';
import { exchange } from '../support/raw-client.ts';

test('/api/client has first and last seen, what the client tried, and its ban', async (t) => {
  const { probe, written, json, get, clients } = await runCheckpoint(t);
  const before = Date.now();
  await probe(foreign('www.example.com'), '127.0.0.8');
  await probe('CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n', '127.0.0.8');
  await probe(foreign('www.example.com'), '127.0.0.9');
  await written(3);
  clients.bans!.ledger.add({ prefix: '127.0.0.8' });
  const { first, last, listeners, ...rest } = await json<{
    first: string;
    last: string;
    listeners: object[];
  }>('/api/client?client=127.0.0.8');
  assert.ok(before <= Date.parse(first) && Date.parse(first) <= Date.parse(last));
  assert.equal(listeners.length, 1);
  assert.deepEqual(rest, {
    prefix: '127.0.0.8/32',
    block: '127.0.0.0/24',
    count: 2,
    rules: [
      { rule: 'absolute-form-foreign', action: 'block', count: 1 },
      { rule: 'connect', action: 'block', count: 1 },
    ],
    intents: [
      { intent: 'mail-relay', count: 1 },
      { intent: 'web', count: 1 },
    ],
    bannedBy: '127.0.0.8/32',
    country: null,
    asn: null,
    network: null,
  });
  assert.equal((await get('/api/client?client=127.0.0.8%2F32')).status, 200);
  assert.equal((await get('/api/client?client=192.0.2.9')).status, 404);
  assert.equal((await get('/api/client?client=example.com')).status, 400);
});

test('/api/name queries DNS only for an address', async (t) => {
  const { get, json } = await runCheckpoint(t);
  assert.equal((await get('/api/name?client=www.example.com')).status, 400);
  const { names } = await json<{ names: string[] }>('/api/name?client=127.0.0.1');
  assert.ok(Array.isArray(names));
});

test('an abuse report about one address names it without /32', async (t) => {
  const { probe, written, get } = await runCheckpoint(t);
  await probe(foreign('www.example.com'), '127.0.0.8');
  await written(1);
  const report = await (await get('/api/report?client=127.0.0.8%2F32')).text();
  assert.match(report, /^Source: {4}127\.0\.0\.8$/m);
  assert.ok(!report.includes('/32'));
});

test('events of decoys are shown with their offending bytes', async (t) => {
  const { control, written, json } = await runCheckpoint(t);
  for (const [speaks, bytes] of [
    ['http-proxy', 'CONNECT mx.example.com:25 HTTP/1.1\r\nHost: mx.example.com:25\r\n\r\n'],
    ['socks', '\x05\x01\x00'],
  ] as const) {
    const { port, events } = await startDecoy(t, speaks);
    await exchange(port, Buffer.from(bytes, 'latin1'), { until: 1 });
    const deadline = Date.now() + 5000;
    while (events.length === 0 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 10));
    control.onEvent(events[0]!);
  }
  await written(2);
  for (const id of [1, 2]) {
    const { judgedNow } = await json<{ judgedNow: { signals: { start: number; end: number }[] } }>(
      `/api/events/${id}`,
    );
    assert.ok(judgedNow.signals.some(({ start, end }) => end > start));
  }
});
