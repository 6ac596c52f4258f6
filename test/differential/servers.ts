/** The same request through Sekisho, nginx and Apache, each in front of a backend that records its requests. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { startApache } from '../support/apache.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { startNginx } from '../support/nginx.ts';
import type { Owner } from '../support/owner.ts';
import {
  type RecordedRequest,
  type RecordingBackend,
  recordingBackend,
} from '../support/recording-backend.ts';
import { own } from './grammar.ts';

export const serverNames = ['sekisho', 'nginx', 'apache'] as const;
export type ServerName = (typeof serverNames)[number];

/** The parts of a request that are compared. */
export interface Reached {
  readonly method: string;
  readonly target: string;
  /** Lower case, without port and root dot. */
  readonly host: string;
  readonly body: string;
}

export type Reaches = Readonly<Record<ServerName, readonly Reached[]>>;

/** Carries one request at a time, so everything that reaches its backends belongs to that request. */
export interface Lane {
  /** @param patience milliseconds without a byte after which nothing more is expected */
  send(bytes: string, patience: number): Promise<Reaches>;
  /** Violations of the grammar by Sekisho. */
  readonly faults: readonly string[];
}

/** Milliseconds that the servers of a long run may live. */
const longest = 6 * 60 * 60 * 1000;

export async function startLanes(owner: Owner, count: number): Promise<Lane[]> {
  const backends = await Promise.all(
    Array.from({ length: count }, async () => ({
      sekisho: await recordingBackend(owner),
      nginx: await recordingBackend(owner),
      apache: await recordingBackend(owner),
    })),
  );
  const [sekisho, nginx, apache] = await Promise.all([
    Promise.all(backends.map(({ sekisho: { url } }) => sekishoPort(owner, url))),
    nginxPorts(
      owner,
      backends.map(({ nginx }) => nginx.port),
    ),
    apachePorts(
      owner,
      backends.map(({ apache }) => apache.port),
    ),
  ]);
  return backends.map((each, i) => {
    const ports: Record<ServerName, number> = { sekisho: sekisho[i]!, nginx: nginx[i]!, apache: apache[i]! };
    return {
      get faults() {
        // When a client is disconnected in mid-request, its request at the backend breaks off too.
        return each.sekisho.faults.filter((fault) => !fault.startsWith('ended in the middle'));
      },
      async send(bytes, patience) {
        const through = async (name: ServerName): Promise<Reached[]> => {
          const backend: RecordingBackend = each[name];
          const before = backend.requests.length;
          await deliver(ports[name], bytes, patience);
          return backend.requests.slice(before).map(reached);
        };
        const [one, two, three] = await Promise.all(serverNames.map(through));
        return { sekisho: one!, nginx: two!, apache: three! };
      },
    };
  });
}

async function sekishoPort(owner: Owner, backend: string): Promise<number> {
  const config = `sites: [{ hosts: [${own}], backend: "${backend}", websocket: false }]\nbans: false\nrateLimit: false\n`;
  return (await runGateway(owner, config)).port;
}

async function nginxPorts(owner: Owner, backends: readonly number[]): Promise<number[]> {
  const ports = await Promise.all(backends.map(() => freePort()));
  await startNginx(owner, {
    timeout: longest,
    config: ({ port }) => `
      server { listen 127.0.0.1:${port}; return 404; }
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      # A retried request would count twice.
      proxy_next_upstream off;
      access_log off;
      ${backends
        .map(
          (backend, i) => `
      upstream lane${i} { server 127.0.0.1:${backend}; keepalive 4; }
      server { listen 127.0.0.1:${ports[i]}; location / { proxy_pass http://lane${i}; } }`,
        )
        .join('')}`,
  });
  return ports;
}

async function apachePorts(owner: Owner, backends: readonly number[]): Promise<number[]> {
  const ports = await Promise.all(backends.map(() => freePort()));
  await startApache(owner, {
    timeout: longest,
    modules: ['proxy', 'proxy_http'],
    config: [
      'ProxyPreserveHost On',
      'ProxyTimeout 5',
      ...backends.flatMap((backend, i) => [
        `Listen 127.0.0.1:${ports[i]}`,
        `<VirtualHost 127.0.0.1:${ports[i]}>`,
        `  ServerName ${own}`,
        '  MergeSlashes Off',
        '  AllowEncodedSlashes NoDecode',
        `  ProxyPass / http://127.0.0.1:${backend}/ nocanon`,
        '</VirtualHost>',
      ]),
    ].join('\n'),
  });
  return ports;
}

/** Sends bytes and waits for the end of the connection, or for `patience` milliseconds of silence. */
async function deliver(port: number, bytes: string, patience: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const over = Promise.withResolvers<void>();
  const done = (): void => over.resolve();
  socket.on('error', done).on('end', done).on('close', done).resume();
  await once(socket, 'connect').catch(done);
  let timer = setTimeout(done, patience);
  socket.on('data', () => {
    clearTimeout(timer);
    timer = setTimeout(done, patience);
  });
  socket.write(bytes, 'latin1');
  await over.promise;
  clearTimeout(timer);
  socket.destroy();
}

function reached({ requestLine, headerLines, body }: RecordedRequest): Reached {
  const [method = '', target = ''] = requestLine.split(' ');
  const host = headerLines.find((line) => /^host:/i.test(line)) ?? '';
  return {
    method,
    target,
    host: host.slice(5).trim().toLowerCase().replace(/:\d*$/, '').replace(/\.$/, ''),
    body: body.toString('latin1'),
  };
}
