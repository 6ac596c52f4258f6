/** Forwards every request of the app that was judged harmless to the backend of its site. */
import { METHODS } from 'node:http';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Forwarder, type ForwarderOptions } from '../src/forward/forwarder.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Carries requests to backends. */
    forwarder: Forwarder;
  }
}

export type ForwardOptions = ForwarderOptions;

async function forwardPlugin(app: FastifyInstance, options: ForwardOptions): Promise<void> {
  const forwarder = new Forwarder(options);
  app.decorate('forwarder', forwarder);
  app.addHook('onClose', async () => forwarder.close());
  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
  }
  app.route({
    method: app.supportedMethods,
    url: '*',
    exposeHeadRoute: false,
    // In a hook, before the body is parsed: it is the backend's to read.
    onRequest: (request, reply) => {
      reply.hijack();
      const expectsContinue = request.raw.headers.expect?.toLowerCase() === '100-continue';
      forwarder.forward(request.raw, reply.raw, app.relayGuard.judge(request.raw), expectsContinue);
    },
    handler: (_request, reply) => reply,
  });
}

export const forward = fp(forwardPlugin, {
  name: 'sekisho-forward',
  fastify: '5.x',
  dependencies: ['sekisho-relay-guard'],
});
