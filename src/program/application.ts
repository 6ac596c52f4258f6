/**
 * The Fastify application that answers requests for sites without a backend. Guard, limits and forwarder are its decorators.
 * If every site has a backend this file is not loaded, which saves the 30 MiB that Fastify takes in each process.
 */
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import type {} from '../../plugins/rate-limit.ts';
import type {} from '../../plugins/relay-guard.ts';
import type { Forwarder } from '../forward/forwarder.ts';
import type { OwnAnswer } from '../forward/front-end.ts';
import { welcome } from '../forward/welcome.ts';
import type { Judged } from '../guard/checkpoint.ts';
import type { ServerCheckpoint } from '../guard/server-checkpoint.ts';
import type { ClientConnections } from '../limit/client-connections.ts';
import type { RateLimits } from '../limit/rate-limits.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Forwards requests to the backends of every site; only in the gateway. */
    forwarder: Forwarder;
    /** Each client's open connections; only in the gateway. */
    clientConnections: ClientConnections;
  }
}

/** The parts through which every listener's requests pass. */
export interface Pipeline {
  readonly checkpoint: ServerCheckpoint;
  readonly rateLimits: RateLimits;
  /** Forwards requests to the backends of every site. */
  readonly forwarder: Forwarder;
  /** Each client's open connections. */
  readonly clientConnections: ClientConnections;
}

/** @returns a function that answers a request for a site without a backend */
export async function application(
  { checkpoint, rateLimits, forwarder, clientConnections }: Pipeline,
  log: Logger,
): Promise<(judged: Judged) => Promise<OwnAnswer>> {
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
  }) as unknown as FastifyInstance;
  app.decorate('relayGuard', checkpoint);
  app.decorate('rateLimits', rateLimits);
  app.decorate('forwarder', forwarder);
  app.decorate('clientConnections', clientConnections);
  app.all('*', (_request, reply) => welcome(reply));
  await app.ready();
  return async ({ request }) => {
    if (!app.supportedMethods.includes(request.method)) return notAllowed;
    const { statusCode, statusMessage, headers, rawPayload } = await app.inject({
      method: request.method as 'GET',
      url: '/',
    });
    const raw = Object.entries(headers).flatMap(([name, value]) =>
      name === 'date' || name === 'connection'
        ? []
        : [value ?? []].flat().flatMap((one) => [name.replace(/(?<![a-z])[a-z]/g, capital), String(one)]),
    );
    return { status: statusCode, reason: statusMessage, headers: raw, body: rawPayload };
  };
}

/** RFC 9110 section 15.5.6: the page of welcome has none of the methods of WebDAV and its relatives. */
const notAllowed: OwnAnswer = {
  status: 405,
  reason: 'Method Not Allowed',
  headers: ['Allow', 'GET, HEAD', 'Content-Type', 'text/plain; charset=utf-8'],
  body: Buffer.from('405 Method Not Allowed\nThis page has no such method.\n'),
};

const capital = (letter: string): string => letter.toUpperCase();
