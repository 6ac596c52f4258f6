/** The kinds of probes of today at decoys: each is recorded as what it is, and none is granted anything. */
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

suite('the probes of today at a decoy of a proxy', () => {
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
