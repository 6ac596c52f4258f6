/** Servers for the set-ups of the table, with or without the one line of configuration that opens a hole. */
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { startApache } from '../support/apache.ts';
import { plainNginx, startNginx } from '../support/nginx.ts';
import type { Owner } from '../support/owner.ts';
import { startCaddy, startVarnish } from '../support/plain-servers.ts';

/** nginx with one server. */
export const nginx =
  (...directives: string[]) =>
  (owner: Owner) =>
    startNginx(owner, {
      config: ({ port, root }) =>
        `resolver 127.0.0.1:9 ipv6=off; resolver_timeout 1s; server { listen 127.0.0.1:${port}; root ${root}; ${directives.join(' ')} }`,
    });

/** Apache without `ProxyRequests`, with these lines. */
export const apache =
  (...config: string[]) =>
  (owner: Owner) =>
    startApache(owner, {
      modules: ['proxy', 'proxy_http', 'proxy_connect', 'rewrite'],
      config: ['ProxyTimeout 5', ...config].join('\n'),
    });

export const caddy =
  (...directives: string[]) =>
  (owner: Owner) =>
    startCaddy(owner, directives);

/** Starts a server in front of plain pages. */
export const behind =
  (start: (owner: Owner, port: number) => Promise<{ readonly port: number }>, backend = plainNginx) =>
  async (owner: Owner) =>
    start(owner, (await backend(owner)).port);

export const varnish = (owner: Owner, port: number) =>
  startVarnish(owner, `backend default { .host = "127.0.0.1"; .port = "${port}"; }`);

/** Starts a Node server. */
export async function node(owner: Owner, server: Server): Promise<{ readonly port: number }> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  owner.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}

/** A reverse proxy as in a tutorial: `target` computes the URL from the request. */
export const nodeProxy = (owner: Owner, target: (url: string, host: string) => string | null) =>
  node(
    owner,
    createServer((incoming, outgoing) => {
      const to = target(incoming.url ?? '', incoming.headers.host ?? '');
      if (to === null || !URL.canParse(to) || !to.startsWith('http:'))
        return void outgoing.writeHead(404).end();
      const { method, headers } = incoming;
      const fetched = request(to, { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      fetched.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()));
      incoming.pipe(fetched);
    }),
  );

export const nodeTunnel = (owner: Owner) => {
  const server = createServer((_, answer) => answer.writeHead(404).end());
  server.on('connect', ({ url }, socket) => {
    const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(url ?? '') ?? [];
    if (host === '' || Number(port) > 65_535) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    const to = createConnection(Number(port), host.replace(/[[\]]/g, ''));
    socket.on('error', () => to.destroy());
    to.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    to.once('connect', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      to.pipe(socket).pipe(to);
    });
  });
  return node(owner, server);
};
