/** Forwards requests to backends from within any Fastify app. */
import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
  RouteHandlerMethod,
  RouteOptions,
} from 'fastify';
import fp from 'fastify-plugin';
import { type CompiledForward, compileForward, type ForwardSettings } from '../src/config/forward-options.ts';
import { Forwarder, isSecure } from '../src/forward/forwarder.ts';
import { outgoingBody } from '../src/forward/outgoing-body.ts';
import { type ReplyOptions, ReplySide } from '../src/forward/reply-side.ts';
import { asHooksLeftIt, rewritten } from '../src/forward/rewritten-request.ts';
import { type Handshake, handshakeOf, RoutedUpgrades } from '../src/forward/routed-upgrades.ts';
import type { Judged } from '../src/guard/checkpoint.ts';
import { endBehind, isLast } from '../src/guard/current-exchange.ts';
import { hasBody, isHttp2, isStandIn, type Request } from '../src/guard/received.ts';
import { ServerCheckpoint } from '../src/guard/server-checkpoint.ts';

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Forwards the request and answers with the backend's response. Exists if `forward` was registered with `routes: false`.
     *
     * @param path in origin form, with an optional query. @default that of the request
     * @throws TypeError if it is not a path
     */
    forward(path?: string, options?: ReplyOptions): this;
  }
}

export type ForwardOptions = ForwardSettings;

/** Routes everything below the prefix to the backends, in an encapsulated scope. */
const routes: FastifyPluginAsync<ForwardOptions> = async (app, options) => {
  const upgrades = options.websocket ? routedUpgrades(app) : null;
  const backends = new Backends(app, compileForward(options, app.prefix), upgrades);
  // Leave the body unparsed: the backend reads it, whatever its type.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  const handler: RouteHandlerMethod = (request, reply) => {
    backends.forward(request, reply, undefined, options.replyOptions);
  };
  // Runs after the app's own onRoute hooks, because `@fastify/websocket` wraps every route in a handler that takes handshakes.
  app.addHook('onRoute', (route) => {
    const before = route.handler;
    route.handler = function (request, reply) {
      const taken = upgrades !== null && handshakeOf(request.raw) !== undefined;
      return (taken ? handler : before).call(this, request, reply);
    };
  });
  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  const { methods = app.supportedMethods, preHandler, preValidation } = options;
  const hooks = { ...(preHandler && { preHandler }), ...(preValidation && { preValidation }) };
  for (const url of app.prefix === '' ? ['*'] : ['', '/*'])
    app.route({ method: [...methods], url, exposeHeadRoute: false, ...hooks, handler } as RouteOptions);
};

const forwardPlugin: FastifyPluginAsync<ForwardOptions> = async (app, options) => {
  if (options.routes !== false) {
    await app.register(routes, options);
    return;
  }
  const backends = new Backends(app, compileForward(options, ''), null);
  app.decorateReply('forward', function (path, replyOptions = options.replyOptions) {
    backends.forward(this.request, this, path, replyOptions);
    return this;
  });
};

class Backends {
  readonly #forwarder: Forwarder;
  readonly #compiled: CompiledForward;
  readonly #upgrades: RoutedUpgrades | null;
  readonly #guard: ServerCheckpoint;
  /** No guard is registered in the app. */
  readonly #alone: boolean;

  constructor(app: FastifyInstance, compiled: CompiledForward, upgrades: RoutedUpgrades | null) {
    const counters = app.hasDecorator('relayWatch') ? app.relayWatch?.feed.counters : undefined;
    this.#compiled = compiled;
    this.#upgrades = upgrades;
    this.#alone = !app.hasDecorator('relayGuard');
    this.#guard = this.#alone ? silentCheckpoint(app, compiled.alone) : app.relayGuard;
    this.#forwarder = new Forwarder({
      ...compiled.forwarder,
      counters,
      onFailure: (error) => {
        counters?.failure(error.status);
        app.log.warn({ status: error.status }, error.message);
      },
      onBackend: (backend, healthy, why) => app.log.warn({ backend, healthy }, `${backend}: ${why}`),
    });
    this.#forwarder.route([[compiled.alone.policy.defaultSite, compiled.route]]);
    app.addHook('onClose', async () => this.#forwarder.close());
  }

  /** @param path replaces that of the request */
  forward(request: FastifyRequest, reply: FastifyReply, path?: string, options?: ReplyOptions): void {
    const req: Request = request.raw;
    const handshake = handshakeOf(req);
    // Without a guard, do here what it would have done before the app saw the request.
    const unguarded = this.#alone && !isHttp2(req) && !isStandIn(req) ? (req as IncomingMessage) : null;
    if (unguarded !== null && isLast(unguarded.socket)) {
      reply.hijack();
      return;
    }
    const judged = this.#guard.judge(req);
    if (handshake === undefined && unguarded?.headers.upgrade !== undefined)
      endBehind(unguarded, reply.raw as ServerResponse);
    if (judged.verdict.action === 'block') {
      reply.hijack();
      this.#guard.refuse(req, reply.raw);
      return;
    }
    const target = path === undefined ? this.#compiled.rewrite(pathOf(req, judged)) : givenPath(path);
    if (typeof target === 'number') {
      if (target === 404) reply.callNotFound();
      else
        reply
          .code(target)
          .type('text/plain; charset=utf-8')
          .send(`${target} a path that leaves its prefix\n`);
      return;
    }
    const upgrade = judged.verdict.upgrade && this.#upgrades !== null && handshake !== undefined;
    if (upgrade && !hasBody(req) && !isStandIn(req))
      this.#carry(reply, handshake, asHooksLeftIt(this.#ours(judged, target, true), request));
    // An upgrade that is not carried continues as an ordinary request (RFC 9110 section 7.8). Not one with a body: Node does
    // not read the body of an upgrade request. Nor one made by `inject`, which has no real socket to carry.
    else if (handshake !== undefined && (upgrade || hasBody(req)))
      reply.code(501).header('connection', 'close').send();
    else this.#send(request, reply, this.#ours(judged, target, false), options);
  }

  #ours(judged: Judged, path: string, upgrade: boolean): Judged {
    const { alone, host } = this.#compiled;
    const { verdict } = judged;
    const own = host ?? (this.#alone ? alone.host : verdict.host);
    return { ...judged, verdict: { ...verdict, site: alone.policy.defaultSite, host: own, path, upgrade } };
  }

  #send(request: FastifyRequest, reply: FastifyReply, judged: Judged, options?: ReplyOptions): void {
    const { body, source } = outgoingBody(request, judged.request);
    const rewrite = options?.rewriteRequestHeaders;
    const out = rewritten(asHooksLeftIt(judged, request), request, rewrite);
    const side = new ReplySide(request, reply, source, options);
    const group = this.#forwarder.groupFor(out)!;
    // Node or the guard has already answered `100 Continue`.
    side.begin(
      this.#forwarder.attempt(group, out, isSecure(request.raw), body, false, side),
      body?.length === -1,
    );
  }

  #carry(reply: FastifyReply, handshake: Handshake, judged: Judged): void {
    const { raw } = reply.request;
    reply.hijack();
    this.#upgrades!.take(reply.raw as ServerResponse, handshake);
    this.#forwarder.upgrade(raw, handshake.socket, handshake.rest, judged);
  }
}

/** The path as it was judged, or as `rewriteUrl` or a hook of the app has changed it: the hooks check that one. */
function pathOf({ url = '' }: Request, { request, verdict }: Judged): string {
  return url === request.target || url === verdict.path ? verdict.path : givenPath(url);
}

/** Checks a path of the app, which is sent unchanged: a space or a line break in it would smuggle a request. */
function givenPath(path: string): string {
  if (!/^\/[\x21-\x22\x24-\x7e]*$/.test(path))
    throw new TypeError(
      `forward: ${JSON.stringify(path)} is not a path. Write one that begins with /, percent-encoded`,
    );
  return path;
}

/** Judges requests in an app without a guard, and records no events. */
function silentCheckpoint(
  app: FastifyInstance,
  { policy, clients }: CompiledForward['alone'],
): ServerCheckpoint {
  const onError = (error: unknown) => app.log.error(error, 'a request could not be read; it was refused');
  return new ServerCheckpoint({ policy, clients, onEvent: () => {}, onError });
}

function routedUpgrades(app: FastifyInstance): RoutedUpgrades {
  const route = app.routing as (req: IncomingMessage, res: ServerResponse) => void;
  // The same object in all encapsulated contexts of an app.
  const identity = app.initialConfig;
  const upgrades = RoutedUpgrades.of(identity, app.server, route, app.prefix.replace(/\/$/, ''));
  // Not before: a restarted app that keeps its server may fail to start, and the app before it goes on.
  app.addHook('onReady', async () => upgrades.begin());
  app.addHook('preClose', async () => upgrades.close());
  return upgrades;
}

/**
 * Forwards everything below its `prefix`; without one, everything that no other route of the app handles. With
 * `routes: false` it adds no routes, and the app's own routes call `reply.forward()`.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const forward = fp(forwardPlugin, { name: 'sekisho-forward', fastify: '5.x' });
