/** Ordinary tests of the app: none is about relays. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { buildServer } from './app.js';

async function start(t) {
  const server = buildServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

test('keeps notes', async (t) => {
  const url = await start(t);
  const headers = { 'content-type': 'application/json' };
  const made = await fetch(`${url}/notes`, { method: 'POST', headers, body: '{"text":"buy rice"}' });
  assert.equal(made.status, 201);
  assert.deepEqual(await (await fetch(`${url}/notes`)).json(), [{ text: 'buy rice' }]);
});

test('answers 404 for unknown paths', async (t) => {
  const url = await start(t);
  assert.equal((await fetch(`${url}/nowhere`)).status, 404);
});
