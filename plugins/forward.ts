/** Forwards requests to backends: in the gateway, and in anybody's own app. */
import { type IncomingMessage, METHODS } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';
import { compileForward, type ForwardSettings } from '../src/config/forward-options.ts';
import { Forwarder } from '../src/forward/forwarder.ts';
import { Checkpoint, type Judged } from '../src/guard/checkpoint.ts';
import type { Request, Response } from '../src/guard/received.ts';

/** The settings of one site's backends, or a forwarder that was made elsewhere and knows those of every site. */
export type ForwardOptions =
  | (ForwardSettings & { readonly forwarder?: never })
  | { readonly forwarder: Forwarder };

/** Sends a judged request on, or answers it. */
type Forwarding = (req: Request, res: Response) => void;

const forwardPlugin: FastifyPluginAsync<ForwardOptions> = async (app, options) => {
  const forwarding = options.forwarder ? toSites(app, options.forwarder) : toOne(app, options);
  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  for (const url of app.prefix === '' ? ['*'] : ['', '/*']) {
    app.route({
      method: app.supportedMethods,
      url,
      exposeHeadRoute: false,
      // In a hook, before the body is parsed: it is the backend's to read.
      onRequest: (request, reply) => {
        reply.hijack();
        forwarding(request.raw, reply.raw);
      },
      handler: (_request, reply) => reply,
    });
  }
};

const waits = (req: Request): boolean => req.headers.expect?.toLowerCase() === '100-continue';

function toSites(app: FastifyInstance, forwarder: Forwarder): Forwarding {
  app.addHook('onClose', async () => forwarder.close());
  return (req, res) => forwarder.forward(req, res, app.relayGuard.judge(req), waits(req));
}

function toOne(app: FastifyInstance, settings: ForwardSettings): Forwarding {
  const compiled = compileForward(settings);
  const counters = app.hasDecorator('relayWatch') ? app.relayWatch?.feed.counters : undefined;
  const forwarder = new Forwarder({
    ...compiled.forwarder,
    counters,
    onFailure: (error) => {
      counters?.failure(error.status);
      app.log.warn({ status: error.status }, error.message);
    },
    onBackend: (backend, fit, why) => app.log.warn({ backend, fit }, `${backend}: ${why}`),
  });
  app.addHook('onClose', async () => forwarder.close());
  const guard = app.hasDecorator('relayGuard') ? app.relayGuard : lookout(app, compiled.alone);
  const host = compiled.host ?? (guard === app.relayGuard ? null : compiled.alone.host);
  const { defaultSite: site } = compiled.alone.policy;
  forwarder.route([[site, compiled.route]]);
  const judge = (req: Request): Judged => {
    const judged = guard.judge(req);
    const { verdict } = judged;
    return { ...judged, verdict: { ...verdict, site, host: host ?? verdict.host } };
  };
  if (settings.websocket) carryUpgrades(app, forwarder, judge);
  return (req, res) => {
    const judged = judge(req);
    if (judged.verdict.action === 'block') guard.refuse(req, res);
    else forwarder.forward(req, res, judged, waits(req));
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

function carryUpgrades(app: FastifyInstance, forwarder: Forwarder, judge: (req: Request) => Judged): void {
  const below = app.prefix.replace(/\/$/, '');
  const onUpgrade = (req: IncomingMessage, socket: Socket, rest: Buffer): void => {
    const judged = judge(req);
    const { path, upgrade } = judged.verdict;
    const its = path === below || path.startsWith(`${below}/`) || path.startsWith(`${below}?`);
    if (its && upgrade) forwarder.upgrade(req, socket, rest, judged);
    // Others may listen for their own paths; where nobody does, the client must not be kept waiting.
    else if (app.server.listenerCount('upgrade') === 1) {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    }
  };
  app.server.on('upgrade', onUpgrade);
  app.addHook('onClose', async () => {
    app.server.off('upgrade', onUpgrade);
  });
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
