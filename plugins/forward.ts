/** Forwards requests to backends, in anybody's own app. */
import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyPluginAsync, RouteHandlerMethod } from 'fastify';
import fp from 'fastify-plugin';
import { compileForward, type ForwardSettings } from '../src/config/forward-options.ts';
import { Forwarder } from '../src/forward/forwarder.ts';
import { type Handshake, handshakeOf, RoutedUpgrades } from '../src/forward/routed-upgrades.ts';
import { Checkpoint, type Judged } from '../src/guard/checkpoint.ts';
import { hasBody, isHttp2, type Request, type Response } from '../src/guard/received.ts';
import { endBehind, isLast } from '../src/guard/turn.ts';

export type ForwardOptions = ForwardSettings;

/** Sends a request that passed every hook on, or answers it. */
type Forwarding = (req: Request, res: Response, handshake: Handshake | undefined) => void;

const forwardPlugin: FastifyPluginAsync<ForwardOptions> = async (app, options) => {
  const upgrades = options.websocket ? routedUpgrades(app) : null;
  const forwarding = toBackends(app, options, upgrades);
  // The body is the backend's to read, however it is encoded.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  const handler: RouteHandlerMethod = (request, reply) => {
    reply.hijack();
    // What hooks said to the client, such as a header of CORS, goes out with the answer of the backend.
    for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value!);
    forwarding(request.raw, reply.raw, handshakeOf(request.raw));
  };
  // Behind those of the app: `@fastify/websocket` puts a handler of its own before every route, which takes handshakes.
  app.addHook('onRoute', (route) => {
    const before = route.handler;
    route.handler = function (request, reply) {
      const taken = upgrades !== null && handshakeOf(request.raw) !== undefined;
      return (taken ? handler : before).call(this, request, reply);
    };
  });
  routeEverything(app, handler);
};

function routeEverything(app: FastifyInstance, handler: RouteHandlerMethod): void {
  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  for (const url of app.prefix === '' ? ['*'] : ['', '/*'])
    app.route({ method: app.supportedMethods, url, exposeHeadRoute: false, handler });
}

function toBackends(
  app: FastifyInstance,
  settings: ForwardSettings,
  upgrades: RoutedUpgrades | null,
): Forwarding {
  const compiled = compileForward(settings);
  const counters = app.hasDecorator('relayWatch') ? app.relayWatch?.feed.counters : undefined;
  const forwarder = new Forwarder({
    ...compiled.forwarder,
    counters,
    onFailure: (error) => {
      counters?.failure(error.status);
      app.log.warn({ status: error.status }, error.message);
    },
    onBackend: (backend, healthy, why) => app.log.warn({ backend, healthy }, `${backend}: ${why}`),
  });
  app.addHook('onClose', async () => forwarder.close());
  const alone = !app.hasDecorator('relayGuard');
  const guard = alone ? lookout(app, compiled.alone) : app.relayGuard;
  const host = compiled.host ?? (alone ? compiled.alone.host : null);
  const { defaultSite: site } = compiled.alone.policy;
  forwarder.route([[site, compiled.route]]);
  return (req, res, handshake) => {
    // What a guard does before the app, where there is one.
    const unguarded = alone && !isHttp2(req) ? req : null;
    if (unguarded !== null && isLast(unguarded.socket)) return;
    const judged = guard.judge(req);
    if (handshake === undefined && unguarded?.headers.upgrade !== undefined)
      endBehind(unguarded, res as ServerResponse);
    if (judged.verdict.action === 'block') {
      guard.refuse(req, res);
      return;
    }
    const upgrade = judged.verdict.upgrade && upgrades !== null && handshake !== undefined;
    const verdict = { ...judged.verdict, site, host: host ?? judged.verdict.host, upgrade };
    const ours: Judged = { ...judged, verdict };
    if (handshake !== undefined && hasBody(req)) {
      // An upgrade that is not carried goes on as an ordinary request (RFC 9110 section 7.8), but Node reads no body of this
      // one, and what it gives for its connection is no socket.
      (res as ServerResponse).writeHead(501, { 'Content-Length': 0, Connection: 'close' }).end();
    } else if (upgrade) {
      upgrades.take(res as ServerResponse, handshake);
      forwarder.upgrade(req as IncomingMessage, handshake.socket, handshake.rest, ours);
    } else {
      // Node, or the guard, has said `100 Continue` before it gave the request away.
      forwarder.forward(req, res, ours, false);
    }
  };
}

/** Reads requests where no guard stands before the app, and tells nobody. */
function lookout(
  app: FastifyInstance,
  { policy, clients }: ReturnType<typeof compileForward>['alone'],
): Checkpoint {
  const onError = (error: unknown) => app.log.error(error, 'a request could not be read; it was refused');
  return new Checkpoint({ policy, clients, onEvent: () => {}, onError });
}

function routedUpgrades(app: FastifyInstance): RoutedUpgrades {
  const route = app.routing as (req: IncomingMessage, res: ServerResponse) => void;
  const upgrades = RoutedUpgrades.of(app.server, route, app.prefix.replace(/\/$/, ''));
  app.addHook('preClose', async () => upgrades.close());
  return upgrades;
}

/**
 * Takes what is below its `prefix`; without one, whatever no other route of the app takes.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const forward = fp(forwardPlugin, {
  name: 'sekisho-forward',
  fastify: '5.x',
  encapsulate: true,
});
