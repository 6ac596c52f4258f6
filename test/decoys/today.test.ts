/** Today's kinds of probes at decoys: each is recorded under its own rule, and none is granted anything. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { type Kind, kinds, rowOf } from '../corpus/today.ts';
import { eventually } from '../support/eventually.ts';
import { exchange, type RawOptions, type RawReply } from '../support/raw-client.ts';
import { type RunningDecoy, startDecoy } from './support.ts';

/** Rules that do not depend on which hosts are ours. */
const anywhere =
  /^(?:connect|absolute-form-(?:foreign|scheme|userinfo)|socks[45]|smtp-on-http|proxy-protocol|h2-preface|tls-on-plaintext|not-http|method-unknown|framing)$/;

/** Each probe has its own client, so that all can be sent at once. */
const addressOf = (index: number): string => `127.9.${1 + (index >> 7)}.${1 + (index & 127)}`;

/** Longer than a busy machine takes for all the handshakes. An incomplete probe is answered after this time. */
const messageTime = 10_000;

/** Sends a probe, and checks its event. */
async function probe(decoy: RunningDecoy, kind: Kind, more: RawOptions): Promise<RawReply> {
  const from = addressOf(kinds.indexOf(kind));
  const reply = await exchange(decoy.port, rowOf(kind).bytes, { from, timeout: 60_000, ...more });
  assert.notEqual(reply.ended, 'timeout', kind.row);
  const seen = () => decoy.events.find(({ client }) => client === from);
  await eventually(() => seen() !== undefined, `${kind.row} is recorded`);
  const { rule, intent, answer } = seen()!;
  if (anywhere.test(kind.rule)) assert.deepEqual([rule, intent], [kind.rule, kind.intent], kind.row);
  const [response] = reply.responses;
  if (response !== undefined) assert.equal(answer, response.status, kind.row);
  return reply;
}

const proxy = await startDecoy({ after }, 'http-proxy', { messageTime });

suite('the probes of today at a proxy decoy', { concurrency: kinds.length }, () => {
  for (const kind of kinds)
    test(kind.row, async () => {
      const { responses } = await probe(proxy, kind, {});
      for (const { status } of responses) assert.ok(status >= 400, `${status}`);
    });
});

suite('the probes of today at the other decoys', { concurrency: true }, () => {
  for (const speaks of ['socks', 'turn', 'tls'] as const)
    test(`that speak ${speaks}: each has an event under its rule, with the answer that was sent`, async (t) => {
      const decoy = await startDecoy(t, speaks, { messageTime, skin: 'squid', realm: 'proxy' });
      const tls = speaks === 'tls' ? { tls: { rejectUnauthorized: false } } : {};
      const replies = await Promise.all(kinds.map((kind) => probe(decoy, kind, tls)));
      for (const [index, { responses }] of replies.entries())
        if (responses[0] !== undefined) assert.equal(responses[0].status, 407, kinds[index]!.row);
    });
});
