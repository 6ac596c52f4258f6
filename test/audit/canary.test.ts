import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canary } from '../../src/audit/canary.ts';
import { exchange } from '../support/raw-client.ts';

test('it answers an ask of its own with what only it knows', async (t) => {
  const canary = await Canary.open({ listen: '127.0.0.1' });
  t.after(() => canary.close());
  const ask = canary.newAsk();
  assert.equal(canary.hit(ask), null);
  const { text } = await exchange(canary.port, `GET ${ask.path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(text.includes(ask.answer));
  assert.ok(!ask.answer.includes(ask.id) && !ask.id.includes(ask.answer));
  assert.deepEqual(canary.hit(ask), { ask: ask.id, from: '127.0.0.1', said: 'HTTP', port: canary.port });
});

test("a stranger's request gets no answer that proves anything, and counts for no ask", async (t) => {
  const canary = await Canary.open({ listen: '127.0.0.1' });
  const other = await Canary.open({ listen: '127.0.0.1' });
  t.after(() => Promise.all([canary.close(), other.close()]));
  const foreign = other.newAsk();
  const { text } = await exchange(canary.port, `GET ${foreign.path} HTTP/1.0\r\n\r\n`);
  assert.ok(!text.includes(foreign.answer));
  assert.equal(canary.hit(foreign), null);
  assert.equal(canary.silentSince(0).length, 1);
});

for (const [what, bytes] of [
  ['the User-Agent', (id: string) => `GET /elsewhere HTTP/1.1\r\nHost: x\r\nUser-Agent: ${id}\r\n\r\n`],
  ['an HTTP/0.9 line', (id: string) => `GET /${id}\r\n`],
  ['bytes that are no HTTP', (id: string) => `\x00\x01${id}\n`],
] as const) {
  test(`an ask is known by ${what}`, async (t) => {
    const canary = await Canary.open({ listen: '127.0.0.1' });
    t.after(() => canary.close());
    const ask = canary.newAsk();
    const { text } = await exchange(canary.port, bytes(ask.id));
    assert.ok(text.includes(ask.answer));
    assert.notEqual(canary.hit(ask), null);
  });
}

test('a TLS hello is written down as one', async (t) => {
  const canary = await Canary.open({ listen: '127.0.0.1' });
  t.after(() => canary.close());
  await exchange(canary.port, Buffer.from('16030100050100000100', 'hex'));
  assert.equal(canary.silentSince(0)[0]?.said, 'TLS');
  assert.deepEqual(canary.silentSince(1), []);
});

test('it goes by its outside name where it has one', async (t) => {
  const canary = await Canary.open({ listen: '127.0.0.1', host: '2001:db8::1', externalPort: 8080 });
  t.after(() => canary.close());
  assert.equal(canary.authority, '[2001:db8::1]:8080');
});
