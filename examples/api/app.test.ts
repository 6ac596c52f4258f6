import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildApp } from './app.ts';

test('notes are kept', async () => {
  const app = await buildApp();
  const made = await app.inject({ method: 'POST', url: '/notes', payload: { text: 'milk' } });
  assert.equal(made.statusCode, 201);
  assert.equal(made.headers.location, '/notes/1');
  assert.deepEqual((await app.inject('/notes/1')).json(), { id: 1, text: 'milk' });
  assert.deepEqual((await app.inject('/notes')).json(), [{ id: 1, text: 'milk' }]);
});

test('a note without text is refused by the schema', async () => {
  const app = await buildApp();
  const reply = await app.inject({ method: 'POST', url: '/notes', payload: {} });
  assert.equal(reply.statusCode, 400);
  assert.match(reply.json().message, /must have required property 'text'/);
});

test('unknown paths are 404', async () => {
  const app = await buildApp();
  assert.equal((await app.inject('/notes/7')).statusCode, 404);
  assert.equal((await app.inject('/elsewhere')).statusCode, 404);
});

test('the status answers under any host name', async () => {
  const app = await buildApp();
  const reply = await app.inject({ url: '/.well-known/status', headers: { host: 'status.example.com' } });
  assert.deepEqual(reply.json(), { status: 'fine' });
});

test('it answers over the wire', async (t) => {
  const app = await buildApp();
  t.after(() => app.close());
  await app.listen({ port: 0, host: 'localhost' });
  const { port } = app.server.address() as { port: number };
  for (const host of ['localhost', '127.0.0.1']) {
    const reply = await fetch(`http://${host}:${port}/notes`);
    assert.deepEqual(await reply.json(), []);
  }
});
