import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { buildApp } from './app.ts';

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** A server that echoes the request. */
async function backend(name: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    response.end(JSON.stringify({ name, url: request.url, host: request.headers.host, body }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  return server;
}

const app = await buildApp({ site: urlOf(await backend('site')), api: urlOf(await backend('api')) });
const url = await app.listen({ port: 0, host: '127.0.0.1' });
after(() => app.close());

test('it serves its own page itself', async () => {
  assert.equal(await (await fetch(`${url}/healthz`)).text(), 'fine');
});

test('requests below /api go to the API, path and body unchanged', async () => {
  const reply = await fetch(`${url}/api/orders?page=2`, { method: 'POST', body: 'hello' });
  const { name, url: path, body } = (await reply.json()) as Record<string, string>;
  assert.deepEqual({ name, path, body }, { name: 'api', path: '/api/orders?page=2', body: 'hello' });
});

test('everything else goes to the site, under its own host name', async () => {
  const { name, url: path, host } = (await (await fetch(`${url}/a%20b`)).json()) as Record<string, string>;
  assert.deepEqual({ name, path, host }, { name: 'site', path: '/a%20b', host: 'www.example.net' });
});
