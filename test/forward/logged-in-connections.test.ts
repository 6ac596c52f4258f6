/** Connections to a backend that a client has logged in on (NTLM, Negotiate). */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { answering, pool } from './pool-peer.ts';

suite('a connection that a client logs in on', () => {
  test('serves that client only, and closes with it', async (t) => {
    const { take, served, pool: made } = await pool(t);
    const [alice, bob] = [new EventEmitter(), new EventEmitter()];
    const first = take(alice);
    first.connection!.belongTo(alice);
    first.ask();
    await eventually(() => made.keepsFor(alice), 'it is kept for Alice');
    assert.equal(made.load, 0);
    assert.notEqual((await served(bob)).connection, first.connection);
    assert.notEqual((await served()).connection, first.connection);
    assert.equal((await served(alice)).connection, first.connection);
    alice.emit('close');
    assert.equal(made.keepsFor(alice), false);
    assert.equal(alice.listenerCount('close'), 0);
  });

  test('of the same client on another connection is not kept twice', async (t) => {
    const { take, pool: made } = await pool(t);
    const alice = new EventEmitter();
    const both = [take(alice), take(alice)];
    for (const { connection } of both) connection!.belongTo(alice);
    for (const recorder of both) {
      recorder.ask();
      await eventually(() => recorder.seen.includes('answer ok'), 'it is answered');
    }
    await eventually(() => !both[1]!.connection!.idle, 'the second is closed');
    assert.deepEqual([made.load, made.keepsFor(alice)], [0, true]);
    assert.equal(take(alice).connection, both[0]!.connection);
  });

  test('is closed to make room for a queued exchange', async (t) => {
    const { take, served, pool: made } = await pool(t, answering, { maxConnections: 1 });
    const alice = new EventEmitter();
    const first = take(alice);
    first.connection!.belongTo(alice);
    const waiting = take();
    first.ask();
    await eventually(() => waiting.connection !== null, 'it gets one');
    assert.notEqual(waiting.connection, first.connection);
    waiting.ask();
    await eventually(() => waiting.seen.includes('answer ok'), 'it is answered');
    assert.equal(made.keepsFor(alice), false);
    await served();
  });
});
