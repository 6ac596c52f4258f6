import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canary } from '../../src/audit/canary.ts';
import { exchange } from '../support/raw-client.ts';

test('the canary answers its own challenge with an answer that cannot be derived from it', async (t) => {
  const canary = await Canary.open({ listen: '127.0.0.1' });
  t.after(() => canary.close());
  const challenge = canary.newChallenge();
  assert.equal(canary.hit(challenge), null);
  const { text } = await exchange(canary.port, `GET ${challenge.path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(text.includes(challenge.answer));
  assert.ok(!challenge.answer.includes(challenge.id) && !challenge.id.includes(challenge.answer));
  assert.deepEqual(canary.hit(challenge), {
    challenge: challenge.id,
    from: '127.0.0.1',
    said: 'HTTP',
    port: canary.port,
  });
});

test('a challenge of another canary gets no proof and counts as anonymous', async (t) => {
  const canary = await Canary.open({ listen: '127.0.0.1' });
  const other = await Canary.open({ listen: '127.0.0.1' });
  t.after(() => Promise.all([canary.close(), other.close()]));
  const foreign = other.newChallenge();
  const { text } = await exchange(canary.port, `GET ${foreign.path} HTTP/1.0\r\n\r\n`);
  assert.ok(!text.includes(foreign.answer));
  assert.equal(canary.hit(foreign), null);
  assert.equal(canary.anonymousSince(0).length, 1);
});

for (const [what, bytes] of [
  ['the User-Agent', (id: string) => `GET /elsewhere HTTP/1.1\r\nHost: x\r\nUser-Agent: ${id}\r\n\r\n`],
  ['an HTTP/0.9 line', (id: string) => `GET /${id}\r\n`],
  ['bytes that are not HTTP', (id: string) => `\x00\x01${id}\n`],
] as const) {
  test(`the canary recognizes a challenge in ${what}`, async (t) => {
    const canary = await Canary.open({ listen: '127.0.0.1' });
    t.after(() => canary.close());
    const challenge = canary.newChallenge();
    const { text } = await exchange(canary.port, bytes(challenge.id));
    assert.ok(text.includes(challenge.answer));
    assert.notEqual(canary.hit(challenge), null);
  });
}

test('the canary records a TLS hello as TLS', async (t) => {
  const canary = await Canary.open({ listen: '127.0.0.1' });
  t.after(() => canary.close());
  await exchange(canary.port, Buffer.from('16030100050100000100', 'hex'));
  assert.equal(canary.anonymousSince(0)[0]?.said, 'TLS');
  assert.deepEqual(canary.anonymousSince(1), []);
});

test('the canary uses its external name and port if it has them', async (t) => {
  const canary = await Canary.open({ listen: '127.0.0.1', host: '2001:db8::1', externalPort: 8080 });
  t.after(() => canary.close());
  assert.equal(canary.authority, '[2001:db8::1]:8080');
});
