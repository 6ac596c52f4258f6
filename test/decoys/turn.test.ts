/** The decoy for TURN over TCP. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { startBrowser } from '../support/browser.ts';
import { without } from '../support/peers.ts';
import { exchange } from '../support/raw-client.ts';
import { startDecoy } from './support.ts';

const script = readFileSync(`${import.meta.dirname}/ask-turn.js`, 'utf8');
const transaction = Buffer.from('0102030405060708090a0b0c', 'hex');
function message(type: number, ...fields: readonly (readonly [number, Buffer])[]): Buffer {
  const body = Buffer.concat(
    fields.map(([kind, value]) => {
      const field = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
      field.writeUInt16BE(kind, 0);
      field.writeUInt16BE(value.length, 2);
      value.copy(field, 4);
      return field;
    }),
  );
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(0x2112a442, 4);
  return Buffer.concat([head, transaction, body]);
}
/** REQUESTED-TRANSPORT: UDP. */
const udp = [0x0019, Buffer.from([17, 0, 0, 0])] as const;
const user = [0x0006, Buffer.from('1700000000:scanner')] as const;
/** XOR-PEER-ADDRESS of 192.0.2.1:25. */
const peer = [0x0012, Buffer.from('0001210be112a643', 'hex')] as const;

suite('the TURN decoy', () => {
  test('asks for credentials at Allocate, and allocates nothing', async (t) => {
    const { port, events } = await startDecoy(t, 'turn', { realm: 'example.net' });
    const reply = await exchange(port, [message(3, udp), message(3, udp, user)]);
    const [first, second] = [reply.bytes, reply.bytes.subarray(20 + reply.bytes.readUInt16BE(2))];
    assert.equal(first.readUInt16BE(0), 0x0113, 'an error response to Allocate');
    assert.deepEqual(first.subarray(8, 20), transaction);
    assert.deepEqual([...first.subarray(24, 28)], [0, 0, 4, 1]);
    assert.match(first.toString('latin1'), /Unauthorized.{0,8}example\.net/s);
    assert.equal(second.readUInt16BE(0), 0x0113);
    assert.deepEqual([...second.subarray(24, 28)], [0, 0, 4, 3]);
    assert.equal(second.length, 20 + second.readUInt16BE(2));
    assert.equal(reply.ended, 'closed');
    assert.equal(events.length, 1);
    const [{ rule, intent, answer, protocol, credentialHash, listener, counts }] = events as [never] &
      typeof events;
    assert.deepEqual([rule, intent, answer, protocol], ['not-http', 'turn-relay', 403, 'turn']);
    assert.match(credentialHash!, /^[0-9a-f]{32}$/);
    assert.match(listener, /^decoy turn /);
    assert.equal(counts, false, 'a web page can make a browser send it');
    assert.doesNotMatch(JSON.stringify(events), /scanner/);
  });

  test('records a client that leaves when asked for credentials, and the peer of a CreatePermission', async (t) => {
    const { port, events } = await startDecoy(t, 'turn', { messageTime: 200 });
    await exchange(port, message(3, udp), { halfClose: true });
    assert.deepEqual([events.at(-1)!.answer, events.at(-1)!.intent], [401, 'turn-relay']);
    const permission = await exchange(port, message(8, peer));
    assert.equal(permission.bytes.readUInt16BE(0), 0x0118);
    assert.deepEqual([events.at(-1)!.answer, events.at(-1)!.destination], [403, '192.0.2.1:25']);
    const binding = await exchange(port, message(1));
    assert.equal(binding.bytes.readUInt16BE(0), 0x0111, 'a Binding request is refused too');
    assert.equal(events.length, 3);
  });

  test('refuses any other bytes, also truncated and endless messages', async (t) => {
    const { port, events } = await startDecoy(t, 'turn', { messageTime: 200 });
    assert.equal((await exchange(port, 'GET http://a/ HTTP/1.0\r\n\r\n')).responses[0]?.status, 403);
    assert.equal(events.at(-1)!.rule, 'absolute-form-foreign');
    const cut = Buffer.from(message(3, udp).subarray(0, 22));
    assert.equal((await exchange(port, cut)).bytes.length, 0);
    assert.deepEqual([events.at(-1)!.rule, events.at(-1)!.answer], ['not-http', 'drop']);
    const endless = message(3, udp);
    endless.writeUInt16BE(0xfffc, 2);
    assert.notEqual((await exchange(port, Buffer.concat([endless, Buffer.alloc(20_000)]))).ended, 'timeout');
    assert.equal((await exchange(port, message(0x0016, udp))).bytes.length, 0, 'an indication has no answer');
    assert.equal(events.length, 4);
    assert.equal((await exchange(port, '\x00\x03')).bytes.length, 0);
  });

  test('a browser that uses it as its TURN server gets no relay candidate, and its credentials are recorded as a hash', {
    skip: without('chromium'),
  }, async (t) => {
    const { port, events } = await startDecoy(t, 'turn', { realm: 'example.net' });
    const browser = await startBrowser(t);
    const page = await browser.newPage();
    const seen = await page.evaluate<{ code: number; relays: string[] }>(
      `(${script.trim().replace(/;$/, '')})('turn:127.0.0.1:${port}?transport=tcp')`,
    );
    assert.deepEqual(seen.relays, []);
    assert.ok(seen.code >= 400, `${seen.code}`);
    assert.ok(events.length > 0);
    for (const { answer, credentialHash, intent } of events.slice(0, 1)) {
      assert.deepEqual([answer, intent], [403, 'turn-relay']);
      assert.match(credentialHash!, /^[0-9a-f]{32}$/);
    }
    assert.doesNotMatch(JSON.stringify(events), /scanner|hunter2/);
  });
});
