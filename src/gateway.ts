/** Config → the running gateway. The only file that knows every plugin. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { forward } from '../plugins/forward.ts';
import { relayGuard } from '../plugins/relay-guard.ts';
import { compile } from './config/compile.ts';
import type { BackendConfig, Config } from './config/config.ts';
import type { ListenAddress } from './config/listen-address.ts';
import type { EventSink } from './events/event.ts';
import { logEvents } from './events/log.ts';
import type { Route } from './forward/forwarder.ts';

export interface Gateway {
  /** `http 127.0.0.1:8080`, one a listener, once it accepts. */
  readonly listeners: readonly string[];
  /** Stops accepting, lets what is under way end, and cuts off what has not after the deadline (milliseconds). */
  close(deadline: number): Promise<void>;
}

export interface GatewayOptions {
  readonly log: Logger;
  /** Gets every event besides the log. */
  readonly onEvent?: EventSink;
  /** Whether a client prefix is banned at this moment; asked on every request, so it must be quick. */
  readonly isBanned?: (prefix: string) => boolean;
}

/** How many connections to one backend, and how many requests may wait for one. */
const poolBounds = { maxConnections: 512, maxQueue: 1024, idle: 4000 };

/**
 * Starts the gateway.
 *
 * @throws Error where a listener cannot bind; nothing is left listening then
 */
export async function startGateway(
  config: Config,
  { log, onEvent, isBanned = () => false }: GatewayOptions,
): Promise<Gateway> {
  const { policy, clients, sites } = compile(config);
  const toLog = logEvents(log);
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // The site decides, not the path: a router that decodes paths would refuse or merge what the backend tells apart.
    rewriteUrl: () => '/',
  });
  await app.register(relayGuard, {
    policy,
    clients,
    isBanned,
    onEvent: (event) => {
      toLog(event);
      onEvent?.(event);
    },
    onError: (error) => log.error(error, 'a check failed; the request was denied'),
  });
  await app.register(forward, {
    pool: { ...config.timeouts, ...poolBounds },
    upgradeIdle: config.timeouts.upgrade,
    via: config.via,
    onFailure: (error) => log.warn({ status: error.status }, error.message),
  });
  app.forwarder.route([...sites].map(([site, { backends }]) => [site, route(backends[0]!)] as const));
  if (config.log.access) logAccess(app, log);
  await app.ready();

  const servers = config.listen.map((address) => ({ address, server: httpServer(app, config) }));
  try {
    await Promise.all(servers.map(({ address, server }) => bind(server, address)));
  } catch (error) {
    for (const { server } of servers) server.close();
    await app.close();
    throw error;
  }
  return {
    listeners: servers.map(({ server }) => `http ${boundAddress(server)}`),
    close: async (deadline) => {
      await Promise.all(servers.map(({ server }) => drain(server, deadline)));
      await app.close();
    },
  };
}

function httpServer(app: FastifyInstance, { timeouts, limits }: Config): Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.requestHeaders,
    connectionsCheckingInterval: Math.min(limits.requestHeaders, 5000),
    // A body of several GiB takes its time; that it does not stand still is the exchange's affair.
    requestTimeout: 0,
    keepAliveTimeout: timeouts.idle,
    // A missing Host is judged like everything else.
    requireHostHeader: false,
    noDelay: true,
    // Anything but a WebSocket that the site carries is an ordinary request with an Upgrade line to strip.
    shouldUpgradeCallback: (req) => app.relayGuard.judge(req).verdict.upgrade,
  });
  server.on('request', app.routing);
  // The backend answers an Expect: nobody says `100 Continue` before it.
  server.on('checkContinue', app.routing);
  server.on('upgrade', (req, socket, head) => {
    app.forwarder.upgrade(req, socket as Socket, head, app.relayGuard.judge(req));
  });
  app.relayGuard.attach(server);
  return server;
}

async function bind(server: Server, { host, port }: ListenAddress): Promise<void> {
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
}

function boundAddress(server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

async function drain(server: Server, deadline: number): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), deadline);
  server.close();
  server.closeIdleConnections();
  await once(server, 'close');
  clearTimeout(timer);
}

function route(backend: BackendConfig): Route {
  switch (backend.kind) {
    case 'welcome':
      return 'welcome';
    case 'unix':
      return { kind: 'unix', path: backend.path };
    case 'tcp':
      return backend.protocol === 'https'
        ? { kind: 'tls', host: backend.host, port: backend.port, servername: backend.host }
        : { kind: 'tcp', host: backend.host, port: backend.port };
  }
}

function logAccess(app: FastifyInstance, log: Logger): void {
  app.addHook('onRequest', (request, reply, done) => {
    const start = performance.now();
    reply.raw.once('close', () => {
      const { verdict, client } = app.relayGuard.judge(request.raw);
      const ms = Math.round(performance.now() - start);
      const { method } = request.raw;
      log.info(
        {
          event: 'access',
          client: client.address,
          site: verdict.site?.name,
          method,
          path: verdict.path,
          status: reply.raw.statusCode,
          ms,
        },
        `${client.address} ${method} ${verdict.host}${verdict.path} ${reply.raw.statusCode}`,
      );
    });
    done();
  });
}
