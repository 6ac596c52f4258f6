/** The checkpoint as a Fastify plugin: in the gateway, and in anybody's own app. */
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';
import { compileGuard, type RelayGuardSettings } from '../src/config/guard-options.ts';
import type { ProbeEvent } from '../src/events/event.ts';
import { Checkpoint, type HttpServer } from '../src/guard/checkpoint.ts';
import { ExemptRoutes, type PathReading } from '../src/guard/exempt-routes.ts';
import type { Verdict } from '../src/judge.ts';
import type { HttpRequest } from '../src/wire/http-request.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The checkpoint that judges the requests of this app. */
    relayGuard: Checkpoint;
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

/** The settings of the guard, or a checkpoint that was made elsewhere and is attached to servers there. */
export type RelayGuardOptions =
  | (RelayGuardSettings & { readonly checkpoint?: never })
  | { readonly checkpoint: Checkpoint };

const relayGuardPlugin: FastifyPluginAsync<RelayGuardOptions> = async (app, options) => {
  const checkpoint = options.checkpoint ?? checkpointOf(app, options);
  app.decorate('relayGuard', checkpoint);
  const verdict = (req: IncomingMessage): Verdict => checkpoint.judge(req, injected(req)).verdict;
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

function checkpointOf(app: FastifyInstance, settings: RelayGuardSettings): Checkpoint {
  const { policy, clients, exempt, ports } = compileGuard(settings);
  const routes = new ExemptRoutes(exempt, pathReading(app));
  // Where the app has the `bans` plugin, before or after this one, they work together.
  let bans: BanKeeper | null = null;
  app.addHook('onReady', async () => {
    if (app.hasDecorator('bans')) bans = app.getDecorator<BanKeeper>('bans');
  });
  const checkpoint = new Checkpoint({
    policy,
    clients,
    exempt: routes,
    isBanned: (prefix) => bans?.isBanned(prefix) ?? false,
    onEvent: (event) => {
      bans?.onEvent(event);
      settings.onProbe?.(event);
    },
    onError:
      settings.onError ??
      ((error) => app.log.error(error, 'a check of relayGuard failed; the request was denied')),
  });
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of [method].flat()) routes.add(one, url, config?.relayGuard === false);
  });
  checkpoint.attach(app.server);
  app.addHook('onListen', async () => {
    for (const server of furtherServers(app)) checkpoint.attach(server);
    for (const address of app.addresses() as (AddressInfo | string)[])
      if (typeof address !== 'string') ports.add(address.port);
  });
  return checkpoint;
}

/** An app that listens on `localhost` has a second server, for the other family of addresses, and tells nobody. */
function furtherServers(app: FastifyInstance): HttpServer[] {
  for (let at: object | null = app; at !== null; at = Object.getPrototypeOf(at)) {
    for (const key of Object.getOwnPropertySymbols(at)) {
      if (key.description === 'fastify.serverBindings')
        return [...(at as Record<symbol, HttpServer[]>)[key]!];
    }
  }
  return [];
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
 * A call of `inject` that names no host says `localhost:80`, which no client on the wire can get read like this: taken as
 * a request without a Host, of the age when that was allowed, so that an app's own tests need not know of the guard.
 */
function injected(req: IncomingMessage): Partial<HttpRequest> | undefined {
  if (!('_lightMyRequest' in req) || req.headers.host !== 'localhost:80') return undefined;
  const rawHeaders = req.rawHeaders.filter((_, i, all) => all[i - (i % 2)]!.toLowerCase() !== 'host');
  return { version: '1.0', rawHeaders };
}

/**
 * Turns relay abuse away before it reaches a route. Register it first, at the root of the app.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const relayGuard = fp(relayGuardPlugin, { name: 'sekisho-relay-guard', fastify: '5.x' });
