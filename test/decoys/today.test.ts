/** Today's kinds of probes at decoys: each is recorded as what it is, and none is granted anything. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { kinds, rowOf } from '../corpus/today.ts';
import { exchange } from '../support/raw-client.ts';
import { startDecoy } from './support.ts';

const owner = { after };
const { port, events } = await startDecoy(owner, 'http-proxy', { messageTime: 100 });

/** Whose rule is the same where nothing is ours. */
const anywhere =
  /^(?:connect|absolute-form-(?:foreign|scheme|userinfo)|socks[45]|smtp-on-http|proxy-protocol|h2-preface|tls-on-plaintext|not-http|method-unknown|framing)$/;

suite('the probes of today at a proxy decoy', () => {
  for (const kind of kinds)
    test(kind.row, async () => {
      const before = events.length;
      const { responses, ended } = await exchange(port, rowOf(kind).bytes, { timeout: 4000 });
      assert.notEqual(ended, 'timeout');
      for (const { status } of responses) assert.ok(status >= 400, `${status}`);
      for (let i = 0; i < 100 && events.length === before; i++) await delay(10);
      const event = events[before];
      assert.ok(event !== undefined, 'it is recorded');
      if (anywhere.test(kind.rule)) assert.deepEqual([event.rule, event.intent], [kind.rule, kind.intent]);
    });
});

/** Each from its own address, so that they can come together. */
const addressOf = (index: number): string => `127.9.${1 + (index >> 7)}.${1 + (index & 127)}`;

suite('the probes of today at the other decoys', () => {
  for (const speaks of ['socks', 'turn', 'tls'] as const)
    test(`that speak ${speaks}: recorded as what each is, with the answer that it got`, async (t) => {
      const decoy = await startDecoy(t, speaks, { messageTime: 500, skin: 'squid', realm: 'proxy' });
      const tls = speaks === 'tls' ? { tls: { rejectUnauthorized: false } } : {};
      const replies = await Promise.all(
        kinds.map((kind, index) =>
          exchange(decoy.port, rowOf(kind).bytes, { from: addressOf(index), timeout: 8000, ...tls }),
        ),
      );
      for (const [index, kind] of kinds.entries()) {
        const { responses, ended } = replies[index]!;
        assert.notEqual(ended, 'timeout', kind.row);
        const seen = () => decoy.events.find(({ client }) => client === addressOf(index));
        for (let i = 0; i < 100 && seen() === undefined; i++) await delay(10);
        const event = seen();
        assert.ok(event !== undefined, `${kind.row} is recorded`);
        if (anywhere.test(kind.rule))
          assert.deepEqual([event.rule, event.intent], [kind.rule, kind.intent], kind.row);
        const [response] = responses;
        if (response !== undefined) {
          assert.equal(response.status, 407, kind.row);
          assert.equal(event.answer, 407, kind.row);
        }
      }
    });
});
