/** Builds a running gateway from its config. */
import type { Logger } from 'pino';
import { proofOf, tokenAnswer } from '../acme/acme-folder.ts';
import { PrefixSet } from '../address/prefix-set.ts';
import { type Compiled, compile } from '../config/compile.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import { siteRoute } from '../config/routes.ts';
import type { Counters } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import { ProbeLog } from '../events/probe-log.ts';
import type { Backend } from '../forward/backend-group.ts';
import { Forwarder, type Route } from '../forward/forwarder.ts';
import type { OwnAnswer } from '../forward/front-end.ts';
import { tuneCollector } from '../forward/scavenge.ts';
import type { Served } from '../forward/served.ts';
import type { Judged } from '../guard/checkpoint.ts';
import { type Client, nameByCertificate } from '../guard/client.ts';
import { ServerCheckpoint } from '../guard/server-checkpoint.ts';
import {
  challengeAnswer,
  inOrder,
  ownChallenge,
  plainOnTls,
  redirectToHttps,
} from '../http1/listener-answers.ts';
import { type Http1Options, Http1Server } from '../http1/server.ts';
import { Http2Server } from '../http2/server.ts';
import { ClientConnections } from '../limit/client-connections.ts';
import { type RateLimitRules, RateLimits } from '../limit/rate-limits.ts';
import type { RateTable } from '../limit/rate-table.ts';
import { WindowClock } from '../limit/window-clock.ts';
import { inheritedSockets } from '../listener/inherited-sockets.ts';
import { Listener } from '../listener/listener.ts';
import { sharingOf } from '../listener/shared-port.ts';
import type { Site } from '../rules/policy.ts';
import { logAccess } from './access-log.ts';
import type { application, Pipeline } from './application.ts';

export interface Gateway {
  /** `http 127.0.0.1:8080`, one per listener, once it accepts. */
  readonly listeners: readonly string[];
  /** The backends of every site in the config in force. */
  readonly backends: readonly Backend[];
  /** The request counts per client; tables come and go with the config. */
  readonly rateTables: readonly RateTable[];
  /**
   * Applies another config's sites, backends, policy, trusted proxies and certificates. Connections stay open. Listeners,
   * limits and timeouts keep their values from the start; `src/config/needs-restart.ts` reports changes to them.
   */
  reload(config: Config): void;
  /** Stops accepting, drains, and cuts off what is left after the deadline (milliseconds). */
  close(deadline: number): Promise<void>;
}

export interface GatewayOptions {
  readonly log: Logger;
  /** Gets every event, in addition to the log. */
  readonly onEvent?: EventSink;
  /** Whether a client prefix is banned now; called for every request, so it must be fast. */
  readonly isBanned?: (prefix: string) => boolean;
  /** The clock of rate-limit windows. @default its own */
  readonly windows?: WindowClock;
  /** Counts requests, failures and times of this process. */
  readonly counters?: Counters;
  /** Called when a backend is ejected (`healthy` is false) or becomes healthy again, in addition to the log. */
  readonly onBackend?: (backend: string, healthy: boolean, why: string) => void;
}

/**
 * Starts the gateway.
 *
 * @throws Error if a listener can't bind; nothing is left listening then
 */
export async function startGateway(config: Config, options: GatewayOptions): Promise<Gateway> {
  tuneCollector();
  const compiled = compile(config);
  const pipeline = createPipeline(config, compiled, options);
  pipeline.forwarder.route(routes(compiled));

  const traces =
    config.otel === false || config.otel.sample === 0
      ? null
      : (await import('./traces.ts')).startTraces(config.otel);
  const { access } = config.log;
  const onServed =
    traces === null && access === false
      ? null
      : (served: Served) => {
          if (access !== false) logAccess(options.log, served);
          traces?.onServed(served);
        };

  const answer = ownAnswers(pipeline, options.log);
  if (routes(compiled).some(([, route]) => route === 'welcome')) await answer.load();
  let inForce = compiled;
  const inherited = inheritedSockets(config.listen.length);
  const listeners = config.listen.map((listener, index) =>
    createListener({
      listener,
      inherited: inherited[index] ?? null,
      config,
      pipeline,
      log: options.log,
      inForce: () => inForce,
      answer: answer.of,
      onServed,
    }),
  );
  try {
    await Promise.all(listeners.map((listener) => listener.listen()));
  } catch (error) {
    await Promise.allSettled(listeners.map((listener) => listener.close(0)));
    pipeline.close();
    throw error;
  }
  return {
    listeners: listeners.map((listener) => listener.name),
    get backends() {
      return pipeline.forwarder.backends;
    },
    get rateTables() {
      return pipeline.rateLimits.tables;
    },
    reload: (next) => {
      const recompiled = compile(next);
      inForce = recompiled;
      pipeline.forwarder.route(routes(recompiled));
      pipeline.checkpoint.replace(recompiled.policy, recompiled.clients);
      pipeline.rateLimits.replace(rateLimitRules(next, recompiled));
      for (const [index, listener] of listeners.entries()) {
        const { text } = config.listen[index]!;
        listener.reloadCertificates(next.listen.find((one) => one.text === text)?.tls ?? undefined);
      }
    },
    close: async (deadline) => {
      await Promise.all(listeners.map((listener) => listener.close(deadline)));
      pipeline.close();
      await traces?.close();
    },
  };
}

function createPipeline(
  config: Config,
  compiled: Compiled,
  options: GatewayOptions,
): Pipeline & { close(): void } {
  const { policy, clients } = compiled;
  const { log, onEvent, isBanned = () => false, counters, onBackend, windows = new WindowClock() } = options;
  const probes = new ProbeLog(log);
  const checkpoint = new ServerCheckpoint({
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
      else
        log.warn(
          { event: 'backend', backend, healthy },
          `backend ${backend} is ejected: ${withoutName(why, backend)}`,
        );
      onBackend?.(backend, healthy, why);
    },
  });
  return {
    checkpoint,
    rateLimits: new RateLimits(rateLimitRules(config, compiled), windows.now),
    forwarder,
    clientConnections: new ClientConnections(config.limits.connectionsPerClient, excessLog(log)),
    close: () => {
      forwarder.close();
      probes.flush();
    },
  };
}

/** Answers requests for sites without a backend; the Fastify application is loaded when first needed. */
function ownAnswers(pipeline: Pipeline, log: Logger) {
  let made: ReturnType<typeof application> | null = null;
  const load = () => {
    made ??= import('./application.ts').then((module) => module.application(pipeline, log));
    return made;
  };
  return { load, of: async (judged: Judged): Promise<OwnAnswer> => (await load())(judged) };
}

interface ListenerParts {
  readonly listener: ListenerConfig;
  /** Descriptor of a socket that the service manager has bound; null: none. */
  readonly inherited: number | null;
  /** The config at the start. */
  readonly config: Config;
  readonly pipeline: Pipeline;
  readonly log: Logger;
  /** What is compiled from the config in force. */
  readonly inForce: () => Compiled;
  /** Answers requests for sites without a backend. */
  readonly answer: (judged: Judged) => Promise<OwnAnswer>;
  /** Called after each request; null: not called. */
  readonly onServed: ((served: Served) => void) | null;
}

function createListener({
  listener: { host, port, tls, clients, proxyProtocol, redirect },
  inherited,
  config: { limits, timeouts, user, listen, acme },
  pipeline: { checkpoint, rateLimits, forwarder, clientConnections },
  log,
  inForce,
  answer,
  onServed,
}: ListenerParts): Listener {
  const ofToken = acme === null || tls !== null ? null : (token: string) => tokenAnswer(acme.folder, token);
  const shared = {
    checkpoint,
    rateLimits,
    forwarder,
    limits: {
      headerBytes: limits.headerBytes,
      head: limits.requestHeaders,
      idle: timeouts.idle,
      stall: timeouts.body,
      minRate: timeouts.minRate,
      bufferedBody: limits.bufferedBody,
      upgradeIdle: timeouts.upgrade,
    },
    answer,
    onServed,
  };
  return new Listener({
    host,
    port,
    inherited,
    sharing: inherited === null ? sharingOf({ port }, user) : 'none',
    tls,
    clients,
    proxyPeers: proxyProtocol ? (address) => inForce().clients.trustedProxies.contains(address) : null,
    headerTime: limits.requestHeaders,
    proofOf: acme === null ? null : (servername) => proofOf(acme.folder, servername),
    http1: new Http1Server({
      ...shared,
      amend: ofToken === null ? undefined : ownChallenge(ofToken),
      instead: inOrder(
        ofToken === null ? null : challengeAnswer(ofToken),
        redirect === null ? null : toHttps(listen, inForce),
      ),
    }),
    plain: new Http1Server({ ...shared, instead: () => plainOnTls }),
    http2: new Http2Server({
      ...shared,
      websocket: () => [...inForce().sites.keys()].some((site) => site.websocket),
      onError: (error) => log.error(error, 'an HTTP/2 connection failed and was closed'),
    }),
    mayConnect: (socket) =>
      checkpoint.mayConnect(socket) && clientConnections.admit(socket, checkpoint.clientAt(socket)),
    onClient: (socket, address) => checkpoint.onClient(socket, address),
    onName: (socket, name, over) => checkpoint.onName(socket, name, over),
    onCertificate: nameByCertificate,
    onError: (error) => log.error(error, 'certificates were not reloaded'),
  });
}

function toHttps(listen: Config['listen'], inForce: () => Compiled): NonNullable<Http1Options['instead']> {
  const ports = listen.filter(({ tls }) => tls !== null).map(({ port }) => port);
  const port = ports.includes(443) ? 443 : (ports[0] ?? 443);
  return redirectToHttps(port, (site) => (inForce().sites.get(site)?.hosts ?? []).map(({ host }) => host));
}

/** At most one line a minute: otherwise an attacker could flood the log with closed connections. */
function excessLog(log: Logger): (client: Client, max: number) => void {
  let loggedAt = Number.NEGATIVE_INFINITY;
  let more = 0;
  return ({ address }, max) => {
    const now = performance.now();
    if (now - loggedAt < 60_000) {
      more++;
      return;
    }
    const before = more === 0 ? '' : `; ${more} more, of any client, since the last such line`;
    log.warn(
      { event: 'connections', client: address, more },
      `a connection from ${address} was closed: it has ${max} open, the limit per client (limits.connectionsPerClient)${before}`,
    );
    loggedAt = now;
    more = 0;
  };
}

function rateLimitRules({ rateLimit: limit }: Config, { sites }: Compiled): RateLimitRules {
  const own = [...sites].flatMap(([site, { rateLimit: bounds }]) =>
    bounds === null ? [] : [[site, bounds] as const],
  );
  const exempt = PrefixSet.ofClients(limit === false ? [] : limit.allow);
  return { limit, sites: new Map(own), exempt };
}

const routes = ({ sites }: Compiled): [Site, Route][] =>
  [...sites].map(([site, config]) => [site, siteRoute(config)]);

/** The reason of a failed connection begins with the backend that the message has named already. */
const withoutName = (why: string, backend: string): string =>
  why.startsWith(`${backend} `) ? `it ${why.slice(backend.length + 1)}` : why;
