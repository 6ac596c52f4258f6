/** A Fastify app with the guard, on an ephemeral port. */
import { EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { type RelayGuardOptions, relayGuard } from '../../plugins/relay-guard.ts';
import type { ProbeEvent } from '../../src/events/event.ts';
import type { Owner } from './owner.ts';

export interface GuardedApp {
  readonly app: FastifyInstance;
  readonly port: number;
  readonly events: readonly ProbeEvent[];
  /** Resolves with the first events, as `block host-foreign`: an event may come after the answer, with the body. */
  told(count: number): Promise<string[]>;
}

export interface GuardedAppOptions {
  /** Options of Fastify. */
  readonly server?: object;
  /** Options of the guard besides hosts and `onProbe`. */
  readonly guard?: object;
  /** Where to listen. @default '127.0.0.1' */
  readonly host?: string;
  /** Adds routes and plugins, after the guard. */
  readonly build?: (app: FastifyInstance) => void | Promise<void>;
}

/** The app owns www.example.net. */
export async function guardedApp(owner: Owner, options: GuardedAppOptions = {}): Promise<GuardedApp> {
  const events: ProbeEvent[] = [];
  const arrivals = new EventEmitter();
  const app = Fastify({ forceCloseConnections: true, ...options.server } as FastifyServerOptions);
  owner.after(() => app.close());
  await app.register(relayGuard, {
    hosts: ['www.example.net'],
    onProbe: (event: ProbeEvent) => {
      events.push(event);
      arrivals.emit('event');
    },
    ...options.guard,
  } as RelayGuardOptions);
  await options.build?.(app);
  await app.listen({ port: 0, host: options.host ?? '127.0.0.1' });
  return {
    app,
    port: (app.server.address() as AddressInfo).port,
    events,
    told: async (count) => {
      while (events.length < count) await once(arrivals, 'event', { signal: AbortSignal.timeout(20_000) });
      return events.map(({ action, rule }) => `${action} ${rule}`);
    },
  };
}
