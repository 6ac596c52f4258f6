import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { buildApp } from './app.ts';

test('every message reaches everybody', async (t) => {
  const app = await buildApp();
  t.after(() => app.close());
  const url = (await app.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws');
  const [one, other] = [new WebSocket(`${url}/room`), new WebSocket(`${url}/room`)];
  await Promise.all([once(one!, 'open'), once(other!, 'open')]);
  const heard = Promise.all([one!, other!].map(async (socket) => (await once(socket, 'message'))[0].data));
  one!.send('hello');
  assert.deepEqual(await heard, ['hello', 'hello']);
  for (const socket of [one!, other!]) socket.close();
});

test('injectWS reaches the room', async () => {
  const app = await buildApp();
  await app.ready();
  const socket = await app.injectWS('/room');
  const heard = once(socket, 'message');
  socket.send('hello');
  assert.equal(String((await heard)[0]), 'hello');
  socket.terminate();
  await app.close();
});

test('CORS allows pages of www.example.net', async () => {
  const app = await buildApp();
  const reply = await app.inject({
    method: 'OPTIONS',
    url: '/',
    headers: { origin: 'https://www.example.net', 'access-control-request-method': 'GET' },
  });
  assert.equal(reply.statusCode, 204);
  assert.equal(reply.headers['access-control-allow-origin'], 'https://www.example.net');
});

test('responses have the headers of helmet', async () => {
  const app = await buildApp();
  const reply = await app.inject('/');
  assert.deepEqual(reply.json(), { here: 0 });
  assert.equal(reply.headers['x-content-type-options'], 'nosniff');
});
