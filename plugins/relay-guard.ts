/** The checkpoint as a Fastify plugin: in the gateway, and in anybody's own app. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../src/config/config.ts';
import { compileGuard, type RelayGuardSettings } from '../src/config/guard-options.ts';
import type { ProbeEvent } from '../src/events/event.ts';
import { ProbeFeed } from '../src/events/probe-feed.ts';
import { ExemptRoutes, type PathReading } from '../src/guard/exempt-routes.ts';
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
    /** What the guard tells the plugins beside it, and the policy it judges by; null where its maker tells them. */
    relayWatch: RelayWatch | null;
  }
  interface FastifyRequest {
    /** What the checkpoint thinks of this request: `allow` or `flag`, since a blocked one never gets here. */
    readonly relayVerdict: Verdict;
  }
  interface FastifyContextConfig {
    /**
     * `false`: requests for this route are let pass whatever they are flagged for, or blocked for by a rule that could be
     * told to allow it: a foreign Host, say, on a route that customers' domains point to. Tunnels, framing and other
     * protocols stay blocked. Such requests make no events.
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
  // What came over a server has been judged before; what `inject`, or a server that nobody attached to, brings has not.
  app.addHook('onRequest', (request, reply, done) => {
    if (verdict(request.raw).action !== 'block') {
      done();
      return;
    }
    reply.hijack();
    checkpoint.refuse(request.raw, reply.raw);
  });
};

/** As much of the `bans` plugin as the guard deals with. */
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
  // Where the app has the `bans` plugin, before or after this one, they work together.
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
      // What a client sends through a proxy without a word on whom it is from would else ban everybody behind it.
      if (!clients.trustedProxies.contains(event.client)) bans?.onEvent(event);
      feed.emit(event);
      settings.onProbe?.(event);
    },
    onError:
      settings.onError ??
      ((error) => app.log.error(error, 'a check of relayGuard failed; the request was denied')),
  });
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of [method].flat()) routes.add(one, url, config?.relayGuard === false);
  });
  warnOfProxies(app, checkpoint, settings.trustedProxies === undefined && Boolean(trustProxy));
  checkpoint.attach(app.server);
  app.addHook('onListen', async () => {
    for (const server of furtherServers(app)) checkpoint.attach(server);
    for (const address of app.addresses() as (AddressInfo | string)[])
      if (typeof address !== 'string') addPort(address.port);
  });
  // A wildcard holds for the names below it.
  const host = policy.defaultSite.name;
  return {
    checkpoint,
    host: policy.sites.find(host) === undefined ? `any.${host}` : host,
    watch: { feed, policy, config },
  };
}

const named =
  "name the proxy in trustedProxies of relayGuard: its address or prefix, or 'inherit' for those of trustProxy";

/**
 * Behind a proxy that nobody named everybody is one client: one scanner has all of them banned, one busy one all of them
 * limited.
 *
 * @param unnamed the app believes a proxy, and the guard was told of none
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
          `${peer} sends X-Forwarded-For and is not among trustedProxies: bans and limits are for ${peer}, not for whom it names. ` +
            `If it is a proxy of yours, ${named}`,
        );
      }
    }
    done();
  });
}

/** What Fastify was made with; it tells nobody. */
function optionsOf(app: FastifyInstance): { readonly trustProxy?: unknown } {
  return (internal(app, 'fastify.options') ?? {}) as { trustProxy?: unknown };
}

/** An app that listens on `localhost` has a second server, for the other family of addresses, and tells nobody. */
function furtherServers(app: FastifyInstance): HttpServer[] {
  return [...((internal(app, 'fastify.serverBindings') ?? []) as HttpServer[])];
}

/** What Fastify keeps under a symbol of its own; undefined where it does not any more. */
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
 * A call of `inject` or `injectWS` that names no host is for the first one of the app, so that its own tests need not know
 * of the guard. No client on the wire gets read like this: what a server has parsed is an `IncomingMessage`.
 *
 * @param host a host of the app
 */
function injected(req: Request, host: string): Partial<HttpRequest> | undefined {
  if (!isStandIn(req)) return undefined;
  const { headers } = req;
  // What a test leaves out by writing null or undefined comes as that word.
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
 * Turns relay abuse away before it reaches a route. Register it first, at the root of the app.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const relayGuard = fp(relayGuardPlugin, { name: 'sekisho-relay-guard', fastify: '5.x' });
