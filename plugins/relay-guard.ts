/** The checkpoint as a Fastify plugin: in the gateway, and in anybody's own app. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Checkpoint, type CheckpointOptions } from '../src/guard/checkpoint.ts';
import type { Verdict } from '../src/judge.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The checkpoint that judges the requests of this app. */
    relayGuard: Checkpoint;
  }
  interface FastifyRequest {
    /** What the checkpoint thinks of this request: `allow` or `flag`, since a blocked one never gets here. */
    readonly relayVerdict: Verdict;
  }
}

export type RelayGuardOptions = CheckpointOptions;

async function relayGuardPlugin(app: FastifyInstance, options: RelayGuardOptions): Promise<void> {
  const checkpoint = new Checkpoint(options);
  app.decorate('relayGuard', checkpoint);
  app.decorateRequest('relayVerdict', {
    getter() {
      return checkpoint.judge(this.raw).verdict;
    },
  });
  // `inject` calls the app without a server: what a socket would have stopped is stopped here.
  app.addHook('onRequest', (request, reply, done) => {
    if (checkpoint.judge(request.raw).verdict.action !== 'block') {
      done();
      return;
    }
    reply.hijack();
    checkpoint.refuse(request.raw, reply.raw);
  });
}

export const relayGuard = fp(relayGuardPlugin, { name: 'sekisho-relay-guard', fastify: '5.x' });
