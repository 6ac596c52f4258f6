/** A page and a clock, with nothing but Node. */
import { createServer } from 'node:http';
import { guard } from 'sekisho/guard';

export function buildServer() {
  const server = createServer((req, res) => {
    if (req.url === '/time') res.end(new Date().toISOString());
    else if (req.url === '/') res.end('What time is it? /time knows.\n');
    else res.writeHead(404).end();
  });
  if (process.env.GUARD !== 'off')
    guard(server, {
      hosts: ['www.example.net', 'localhost', '127.0.0.1'],
      onProbe: ({ action, rule, client }) => console.warn(`${action} ${rule} by ${client}`),
    });
  return server;
}
