/** Config → the running gateway. The only file that knows every plugin. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { forward } from '../plugins/forward.ts';
import { rateLimit } from '../plugins/rate-limit.ts';
import { relayGuard } from '../plugins/relay-guard.ts';
import { parsePrefix } from './address/ip.ts';
import { PrefixSet } from './address/prefix-set.ts';
import { type Compiled, compile } from './config/compile.ts';
import type { Config, ListenerConfig } from './config/config.ts';
import { siteRoute } from './config/routes.ts';
import type { Counters } from './events/counters.ts';
import type { EventSink } from './events/event.ts';
import { ProbeLog } from './events/probe-log.ts';
import { FastPath } from './fast-path/fast-path.ts';
import type { Backend } from './forward/backend-group.ts';
import { Forwarder, type Route } from './forward/forwarder.ts';
import { Checkpoint, type Judged } from './guard/checkpoint.ts';
import type { ClientRules } from './guard/client.ts';
import { hasBody } from './guard/received.ts';
import type { RateLimitRules } from './limit/rate-limits.ts';
import type { RateTable } from './limit/rate-table.ts';
import { inheritedSockets } from './listener/inherited-sockets.ts';
import { Listener } from './listener/listener.ts';
import type { Site } from './rules/policy.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Carries requests to the backends of every site; the gateway has it. */
    forwarder: Forwarder;
  }
}

export interface Gateway {
  /** `http 127.0.0.1:8080`, one a listener, once it accepts. */
  readonly listeners: readonly string[];
  /** The backends of every site, as they stand. */
  readonly backends: readonly Backend[];
  /** The counts of requests per client, as they stand; tables come and go with the config. */
  readonly rateTables: readonly RateTable[];
  /**
   * Puts another config in force: sites, backends, policy, trusted proxies, certificates. Connections stay. Listeners,
   * limits and timeouts are those of the start; `src/config/needs-restart.ts` tells what of them differs.
   */
  reload(config: Config): void;
  /** Stops accepting, lets what is under way end, and cuts off what has not after the deadline (milliseconds). */
  close(deadline: number): Promise<void>;
}

export interface GatewayOptions {
  readonly log: Logger;
  /** Gets every event besides the log. */
  readonly onEvent?: EventSink;
  /** Whether a client prefix is banned at this moment; asked on every request, so it must be quick. */
  readonly isBanned?: (prefix: string) => boolean;
  /** Counts requests, failures and times of this process. */
  readonly counters?: Counters;
  /** Told when a backend is ejected (`healthy` is false) or gets requests again; the log is told anyway. */
  readonly onBackend?: (backend: string, healthy: boolean, why: string) => void;
}

/**
 * Starts the gateway.
 *
 * @throws Error where a listener cannot bind; nothing is left listening then
 */
export async function startGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  const compiled = compile(config);
  const app = await createApp(config, compiled, options);
  app.forwarder.route(routes(compiled));

  let clients = compiled.clients;
  const inherited = inheritedSockets(config.listen.length);
  const listeners = config.listen.map((listener, index) =>
    createListener(listener, inherited[index] ?? null, config, app, options, () => clients),
  );
  try {
    await Promise.all(listeners.map((listener) => listener.listen()));
  } catch (error) {
    await Promise.allSettled(listeners.map((listener) => listener.close(0)));
    await app.close();
    throw error;
  }
  return {
    listeners: listeners.map((listener) => listener.name),
    get backends() {
      return app.forwarder.backends;
    },
    get rateTables() {
      return app.rateLimits.tables;
    },
    reload: (next) => {
      const recompiled = compile(next);
      clients = recompiled.clients;
      app.forwarder.route(routes(recompiled));
      app.relayGuard.replace(recompiled.policy, recompiled.clients);
      app.rateLimits.replace(rateLimitRules(next, recompiled));
      for (const listener of listeners) listener.reloadCertificates();
    },
    close: async (deadline) => {
      await Promise.all(listeners.map((listener) => listener.close(deadline)));
      await app.close();
    },
  };
}

async function createApp(
  config: Config,
  compiled: Compiled,
  options: GatewayOptions,
): Promise<FastifyInstance> {
  const { policy, clients } = compiled;
  const { log, onEvent, isBanned = () => false, counters, onBackend } = options;
  const probes = new ProbeLog(log);
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // The site decides, not the path: a router that decodes paths would refuse or merge what the backend tells apart.
    rewriteUrl: () => '/',
  });
  const checkpoint = new Checkpoint({
    policy,
    clients,
    isBanned,
    counters,
    onEvent: (event) => {
      probes.add(event);
      onEvent?.(event);
    },
    onError: (error) => log.error(error, 'a check failed; the request was denied'),
  });
  await app.register(relayGuard, { checkpoint });
  if (config.otel !== false) {
    const { traces } = await import('../plugins/traces.ts');
    await app.register(traces, config.otel);
  }
  await app.register(rateLimit, rateLimitRules(config, compiled));
  const forwarder = new Forwarder({
    timeouts: config.timeouts,
    upgradeIdle: config.timeouts.upgrade,
    via: config.via,
    counters,
    onFailure: (error) => {
      counters?.failure(error.status);
      log.warn({ status: error.status }, error.message);
    },
    onBackend: (backend, healthy, why) => {
      if (healthy)
        log.info({ event: 'backend', backend, healthy }, `backend ${backend} is healthy again: ${why}`);
      else log.warn({ event: 'backend', backend, healthy }, `backend ${backend} is ejected: ${why}`);
      onBackend?.(backend, healthy, why);
    },
  });
  app.decorate('forwarder', forwarder);
  await app.register(forward, { forwarder });
  if (config.log.access) logAccesses(app, log);
  app.addHook('onClose', () => probes.flush());
  await app.ready();
  return app;
}

function createListener(
  { host, port, tls, proxyProtocol }: ListenerConfig,
  inherited: number | null,
  { limits, timeouts, otel, log: { access } }: Config,
  app: FastifyInstance,
  { log, counters }: GatewayOptions,
  clients: () => ClientRules,
): Listener {
  const { relayGuard, rateLimits, forwarder } = app;
  const shortcut = (handOver: (socket: Socket, bytes: Buffer) => void): FastPath =>
    new FastPath({
      checkpoint: relayGuard,
      rateLimits,
      forwarder,
      counters,
      headerBytes: limits.headerBytes,
      headerTime: limits.requestHeaders,
      idle: timeouts.idle,
      handOver,
      onServed: access ? (judged, status, start) => logAccess(log, judged, status, start) : undefined,
    });
  return new Listener({
    host,
    port,
    inherited,
    tls,
    proxyPeers: proxyProtocol ? (address) => clients().trustedProxies.contains(address) : null,
    headerBytes: limits.headerBytes,
    headerTime: limits.requestHeaders,
    idle: timeouts.idle,
    // Anything but a WebSocket that the site carries is an ordinary request with an Upgrade line to strip. One with a body
    // too: a handshake has none, and what Node gives for its connection is no socket.
    mayUpgrade: (req) => relayGuard.judge(req).verdict.upgrade && !hasBody(req),
    serve: (server) => {
      server.on('request', app.routing as (req: unknown, res: unknown) => void);
      // The forwarder says `100 Continue` once a backend takes the body.
      server.on('checkContinue', app.routing as (req: unknown, res: unknown) => void);
      server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
        const judged = relayGuard.judge(req);
        const excess = app.rateLimits.hit(judged);
        if (excess === null) forwarder.upgrade(req, socket, head, judged);
        else relayGuard.refuseUpgrade(socket, { ...judged, verdict: excess.verdict }, head, excess.headers);
      });
      relayGuard.attach(server);
    },
    // Spans are made in hooks of Fastify, so that every request has to come by there.
    shortcut: otel === false ? shortcut : null,
    mayConnect: (socket) => relayGuard.mayConnect(socket),
    onClient: (socket, address) => relayGuard.onClient(socket, address),
    onError: (error) => log.error(error, 'certificates were not reloaded'),
  });
}

function rateLimitRules({ rateLimit: limit }: Config, { sites }: Compiled): RateLimitRules {
  const own = [...sites].flatMap(([site, { rateLimit: bounds }]) =>
    bounds === null ? [] : [[site, bounds] as const],
  );
  const exempt = new PrefixSet((limit === false ? [] : limit.allow).map((prefix) => parsePrefix(prefix)!));
  return { limit, sites: new Map(own), exempt };
}

const routes = ({ sites }: Compiled): [Site, Route][] =>
  [...sites].map(([site, config]) => [site, siteRoute(config)]);

function logAccesses(app: FastifyInstance, log: Logger): void {
  app.addHook('onRequest', (request, reply, done) => {
    const start = performance.now();
    reply.raw.once('close', () => {
      logAccess(log, app.relayGuard.judge(request.raw), reply.raw.statusCode, start);
    });
    done();
  });
}

/** @param start when the request came, `performance.now` */
function logAccess(log: Logger, { request, verdict, client }: Judged, status: number, start: number): void {
  const { method } = request;
  const { path, host, site } = verdict;
  const ms = Math.round(performance.now() - start);
  log.info(
    { event: 'access', client: client.address, site: site?.name, method, path, status, ms },
    `${client.address} ${method} ${host}${path} ${status}`,
  );
}
