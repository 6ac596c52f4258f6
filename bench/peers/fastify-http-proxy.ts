/** @fastify/http-proxy as its README sets it up. */
import httpProxy from '@fastify/http-proxy';
import Fastify from 'fastify';

const [port, backend] = process.argv.slice(2);
const app = Fastify();
await app.register(httpProxy, {
  upstream: `http://127.0.0.1:${backend}`,
  undici: { connections: 256, pipelining: 1 },
});
await app.listen({ port: Number(port), host: '127.0.0.1' });
