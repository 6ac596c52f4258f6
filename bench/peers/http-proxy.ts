/** http-proxy as its README sets it up, with a keep-alive agent. */
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy';

const [port, backend] = process.argv.slice(2);
const proxy = createProxyServer({
  target: `http://127.0.0.1:${backend}`,
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
  xfwd: true,
});
proxy.on('error', (_error, _req, res) => res.destroy());
createServer((req, res) => proxy.web(req, res)).listen(Number(port), '127.0.0.1');
