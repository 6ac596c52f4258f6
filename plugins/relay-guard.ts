/** The checkpoint as a Fastify plugin. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../src/config/config.ts';
import { compileGuard, type RelayGuardSettings } from '../src/config/guard-options.ts';
import type { ProbeEvent } from '../src/events/event.ts';
import { ProbeFeed } from '../src/events/probe-feed.ts';
import { ExemptRoutes, type PathReading } from '../src/guard/exempt-routes.ts';
import { isOfOtherApp, type Place } from '../src/guard/guarded-server.ts';
import { isStandIn, type Request, rawHeadersOf } from '../src/guard/received.ts';
import { ServerCheckpoint } from '../src/guard/server-checkpoint.ts';
import type { HttpServer } from '../src/guard/server-events.ts';
import type { Verdict } from '../src/judge.ts';
import type { Policy } from '../src/rules/policy.ts';
import type { HttpRequest } from '../src/wire/http-request.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The checkpoint that judges the requests of this app. */
    relayGuard: ServerCheckpoint;
    /** The guard's events for the other plugins, and the policy it judges by; null: its creator passes events on itself. */
    relayWatch: RelayWatch | null;
  }
  interface FastifyRequest {
    /** The verdict on this request: `allow` or `flag`, since a blocked one never reaches a route. */
    readonly relayVerdict: Verdict;
  }
  interface FastifyContextConfig {
    /**
     * `false`: requests for this route pass despite every rule whose action can be set to allow, such as a foreign Host on a
     * route that customers' domains point to. Tunnels, framing faults and other protocols stay blocked. Requests that pass
     * this way make no events.
     */
    relayGuard?: boolean;
  }
}

export type RelayGuardOptions = RelayGuardSettings;

export interface RelayWatch {
  readonly feed: ProbeFeed;
  readonly policy: Policy;
  /** The options of the guard as a config. @internal */
  readonly config: Config;
}

const relayGuardPlugin: FastifyPluginAsync<RelayGuardOptions> = async (app, options) => {
  const { checkpoint, host, watch } = checkpointOf(app, options);
  app.decorate('relayGuard', checkpoint);
  app.decorate('relayWatch', watch);
  const verdict = (req: Request): Verdict => checkpoint.judge(req, injected(req, host)).verdict;
  app.decorateRequest('relayVerdict', {
    getter() {
      return verdict(this.raw);
    },
  });
  // Requests from an attached server have been judged before; those from `inject` or an unattached server have not.
  app.addHook('onRequest', (request, reply, done) => {
    if (verdict(request.raw).action !== 'block') {
      done();
      return;
    }
    reply.hijack();
    checkpoint.refuse(request.raw, reply.raw);
  });
};

/** The part of the `bans` plugin that the guard uses. */
interface BanKeeper {
  isBanned(prefix: string): boolean;
  onEvent(event: ProbeEvent): void;
}

function checkpointOf(
  app: FastifyInstance,
  settings: RelayGuardSettings,
): { checkpoint: ServerCheckpoint; host: string; watch: RelayWatch } {
  const { trustProxy } = optionsOf(app);
  const { clients, addPort, config, ...compiled } = compileGuard(settings, trustProxy);
  const reading = pathReading(app);
  const mergesSlashes = reading.ignoreDuplicateSlashes === true;
  const policy = { ...compiled.policy, mergesSlashes };
  const routes = new ExemptRoutes({ ...compiled.exempt, mergesSlashes }, reading);
  // The `bans` plugin may be registered before or after this one.
  let bans: BanKeeper | null = null;
  const feed = new ProbeFeed();
  app.addHook('onReady', async () => {
    if (app.hasDecorator('bans')) bans = app.getDecorator<BanKeeper>('bans');
  });
  const checkpoint = new ServerCheckpoint({
    policy,
    clients,
    exempt: routes,
    counters: feed.counters,
    answer: settings.answer,
    isBanned: (prefix) => bans?.isBanned(prefix) ?? false,
    onEvent: (event) => {
      // A request through a trusted proxy that does not name its client would otherwise ban every client behind the proxy.
      if (!clients.trustedProxies.contains(event.client)) bans?.onEvent(event);
      feed.emit(event);
      settings.onProbe?.(event);
    },
    onError:
      settings.onError ??
      ((error) => app.log.error(error, 'a check of relayGuard failed; the request was denied')),
  });
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const each of [method].flat()) routes.add(each, url, config?.relayGuard === false);
  });
  warnOfProxies(app, checkpoint, settings.trustedProxies === undefined && Boolean(trustProxy));
  standAt(app, checkpoint);
  app.addHook('onListen', async () => {
    for (const server of furtherServers(app)) checkpoint.attach(server, app.initialConfig);
    for (const address of app.addresses() as (AddressInfo | string)[])
      if (typeof address !== 'string') addPort(address.port);
  });
  // A wildcard matches only the names below it.
  const host = policy.defaultSite.name;
  return {
    checkpoint,
    host: policy.sites.find(host) === undefined ? `any.${host}` : host,
    watch: { feed, policy, config },
  };
}

/**
 * Attaches the guard to the server of the app. Some apps keep their server when they are restarted (`@fastify/restartable`): there
 * the previous app's guard stays in force until this app is ready, or for good if it fails to start.
 */
function standAt(app: FastifyInstance, guard: ServerCheckpoint): void {
  // The same object in all encapsulated contexts of an app.
  const identity = app.initialConfig;
  let place: Place | null = null;
  const attach = (): void => {
    place = guard.attach(app.server, identity);
  };
  if (isOfOtherApp(app.server, identity)) app.addHook('onReady', async () => attach());
  else attach();
  app.addHook('onClose', async () => place?.leave());
}

const named =
  "name the proxy in trustedProxies of relayGuard: its address or prefix, or 'inherit' for those of trustProxy";

/**
 * Warns about proxies missing from `trustedProxies`. All clients behind such a proxy count as one: a single scanner gets them
 * all banned, a single busy client gets them all rate-limited.
 *
 * @param unnamed the app trusts a proxy, but the guard was given none
 */
function warnOfProxies(app: FastifyInstance, guard: ServerCheckpoint, unnamed: boolean): void {
  let watching = false;
  app.addHook('onReady', async () => {
    watching = app.hasDecorator('bans') || app.hasDecorator('rateLimits');
    if (watching && unnamed)
      app.log.warn(
        `trustProxy is set and trustedProxies is not: all clients are banned and limited as one. ${named}`,
      );
  });
  app.addHook('onRequest', (request, _reply, done) => {
    if (watching && request.headers['x-forwarded-for'] !== undefined) {
      const { client, peer } = guard.judge(request.raw);
      if (!client.trusted) {
        watching = false;
        app.log.warn(
          `${peer} sends X-Forwarded-For and is not among trustedProxies: bans and limits apply to ${peer}, not to the clients it names. ` +
            `If it is your proxy, ${named}`,
        );
      }
    }
    done();
  });
}

/** The options of the Fastify instance, for which it has no public accessor. */
function optionsOf(app: FastifyInstance): { readonly trustProxy?: unknown } {
  return (internal(app, 'fastify.options') ?? {}) as { trustProxy?: unknown };
}

/** The second server, for the other address family, of an app that listens on `localhost`. It has no public accessor. */
function furtherServers(app: FastifyInstance): HttpServer[] {
  return [...((internal(app, 'fastify.serverBindings') ?? []) as HttpServer[])];
}

/** A value that Fastify keeps under a private symbol; undefined: this version of Fastify has no such symbol. */
function internal(app: FastifyInstance, description: string): unknown {
  for (let at: object | null = app; at !== null; at = Object.getPrototypeOf(at)) {
    for (const key of Object.getOwnPropertySymbols(at))
      if (key.description === description) return (at as Record<symbol, unknown>)[key];
  }
  return undefined;
}

function pathReading(app: FastifyInstance): PathReading {
  const { initialConfig } = app;
  const options = { ...initialConfig, ...(initialConfig as { routerOptions?: PathReading }).routerOptions };
  const {
    caseSensitive,
    ignoreTrailingSlash,
    ignoreDuplicateSlashes,
    useSemicolonDelimiter,
    maxParamLength,
  } = options;
  return {
    caseSensitive,
    ignoreTrailingSlash,
    ignoreDuplicateSlashes,
    useSemicolonDelimiter,
    maxParamLength,
  };
}

/**
 * Gives a call of `inject` or `injectWS` without a host the app's first host, so that the app's own tests need not know about
 * the guard. Requests from the network are never treated like this: a server makes an `IncomingMessage` of them.
 *
 * @param host a host of the app
 */
function injected(req: Request, host: string): Partial<HttpRequest> | undefined {
  if (!isStandIn(req)) return undefined;
  const { headers } = req;
  // `inject` turns a Content-Length of null or undefined into that word.
  const rawHeaders = without(
    rawHeadersOf(req),
    (name, value) => name === 'content-length' && /^(?:null|undefined)$/.test(value),
  );
  if (headers.host !== undefined && headers.host !== 'localhost:80') return { rawHeaders };
  return { rawHeaders: ['Host', host, ...without(rawHeaders, (name) => name === 'host')] };
}

const without = (rawHeaders: readonly string[], drop: (name: string, value: string) => boolean): string[] =>
  rawHeaders.filter((_, i) => {
    const at = i - (i % 2);
    return !drop(rawHeaders[at]!.toLowerCase(), rawHeaders[at + 1]!);
  });

/**
 * Refuses relay abuse before it reaches a route. Register it first, at the root of the app.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const relayGuard = fp(relayGuardPlugin, { name: 'sekisho-relay-guard', fastify: '5.x' });
