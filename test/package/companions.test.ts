/** Apps with Fastify's own plugins answer the same with the guard and without it. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { installedPackage } from '../support/installed-package.ts';

const names = ['middie', 'static', 'cors', 'websocket', 'rate-limit', 'http-proxy', 'reply-from', 'helmet'];
// One of them is a dependency of the package.
const others = names.filter((name) => name !== 'rate-limit').map((name) => `@fastify/${name}`);
const { app, node } = await installedPackage({ after }, [...others, 'ws']);
mkdirSync(join(app, 'public'));
writeFileSync(join(app, 'public/a.txt'), 'hello from a file\n');

/** Prints the answer to each request of a row, one per line. */
const script = `
import http from 'node:http';
import { once } from 'node:events';
import Fastify from 'fastify';
import WebSocket, { WebSocketServer } from 'ws';
import { relayGuard } from 'sekisho/relay-guard';
const { default: plugin } = await import('@fastify/' + process.argv[2]);
const backend = http.createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
    res.setHeader('x-backend', 'yes').end([req.method, req.url, Buffer.concat(chunks)].join(' '));
  });
});
new WebSocketServer({ server: backend }).on('connection', (socket) => {
  socket.on('message', (message) => socket.send('backend ' + message));
});
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');
const upstream = 'http://127.0.0.1:' + backend.address().port;
const app = Fastify({ forceCloseConnections: true });
if (process.env.GUARD !== 'off') await app.register(relayGuard, { hosts: ['www.example.net'] });
const parts = {
  middie: async () => {
    await app.register(plugin);
    app.use((req, res, next) => { res.setHeader('x-first', req.url); next(); });
    app.use('/inner', (req, res, next) => { res.setHeader('x-inner', req.url); next(); });
    app.use('/ends', (req, res) => res.end('ended by ' + req.url));
    app.use('/fails', (req, res, next) => next(new Error('failed')));
    app.get('/inner/a', async () => 'inner');
  },
  static: () => app.register(plugin, { root: process.cwd() + '/public', prefix: '/files/' }),
  cors: () => app.register(plugin, { origin: ['https://shop.example.net'], credentials: true }),
  websocket: async () => {
    await app.register(plugin);
    app.get('/chat', { websocket: true, preValidation: async (request, reply) => {
      if (request.query.no) await reply.code(401).send('no');
    } }, (socket) => socket.on('message', (message) => socket.send('app ' + message)));
  },
  'rate-limit': () => app.register(plugin, { max: 3, timeWindow: 60_000 }),
  'http-proxy': () => app.register(plugin, { upstream, prefix: '/chat', websocket: true, preHandler: async (request, reply) => {
    if (request.query.no) await reply.code(401).send('no');
  } }),
  'reply-from': async () => {
    await app.register(plugin, { base: upstream });
    app.all('/chat', (request, reply) => reply.from('/from' + request.url));
  },
  helmet: () => app.register(plugin),
};
await parts[process.argv[2]]();
app.get('/', async () => 'root');
app.post('/echo', async (request) => request.body);
await app.listen({ port: 0, host: '127.0.0.1' });
const { port } = app.server.address();
const seen = /^(?:x-(?:first|inner|backend|ratelimit-(?:limit|remaining)|frame-options)|access-control-.*|content-(?:range|type|length)|etag|vary|allow)$/;
const ask = (method, path, headers = {}, body = '') => new Promise((resolve) => {
  const request = http.request({ port, host: '127.0.0.1', method, path, headers: { host: 'www.example.net', ...headers } });
  request.on('response', async (response) => {
    const text = (await response.toArray()).join('');
    const fields = Object.entries(response.headers).filter(([name]) => seen.test(name)).sort();
    resolve(JSON.stringify([method, path, response.statusCode, fields, text]));
  });
  request.on('error', (error) => resolve(JSON.stringify([method, path, error.code])));
  request.end(body);
});
const talk = (path) => new Promise((resolve) => {
  const client = new WebSocket('ws://127.0.0.1:' + port + path, { headers: { host: 'www.example.net' } });
  client.on('open', () => client.send('hello'));
  client.on('message', (message) => { resolve(path + ' ' + message); client.terminate(); });
  client.on('close', (code) => resolve(path + ' closed ' + code));
  client.on('error', (error) => resolve(path + ' ' + error.message));
});
const json = { 'content-type': 'application/json' };
for (const row of [
  ['GET', '/'], ['HEAD', '/'], ['GET', '/nowhere'], ['GET', '/inner/a?b=c'], ['GET', '/ends/a'], ['GET', '/fails'],
  ['POST', '/echo', json, '{"a":1}'], ['POST', '/echo', json, '{'], ['POST', '/echo', { 'transfer-encoding': 'chunked', ...json }, '[1]'],
  ['GET', '/files/a.txt'], ['HEAD', '/files/a.txt'], ['GET', '/files/a.txt', { range: 'bytes=0-4' }], ['GET', '/files/b.txt'],
  ['GET', '/files/..%2fpackage.json'], ['OPTIONS', '/', { origin: 'https://shop.example.net', 'access-control-request-method': 'GET' }],
  ['GET', '/', { origin: 'https://shop.example.net' }], ['GET', '/', { origin: 'https://www.example.com' }],
  ['GET', '/chat'], ['GET', '/chat?no=1'], ['POST', '/chat', json, '{"a":1}'], ['POST', '/chat', { expect: '100-continue', ...json }, '{"a":2}'],
]) console.log(await ask(...row));
for (const path of ['/chat', '/chat?no=1']) console.log(await talk(path));
process.exit(0);
`;
writeFileSync(join(app, 'companion.mjs'), script);

suite('same answers with the guard and without', () => {
  for (const name of names)
    test(`@fastify/${name}`, async () => {
      const run = (GUARD: string) => node(['companion.mjs', name], { GUARD });
      const [on, off] = await Promise.all([run('on'), run('off')]);
      // The port differs in each run.
      const plain = (text: string): string[] => text.replaceAll(/:\d{4,5}/g, ':PORT').split('\n');
      assert.ok(off.includes('root'), off);
      assert.deepEqual(plain(on), plain(off));
    });
});
