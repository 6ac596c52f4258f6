/** The checkpoint for a plain Node server. Express, Koa, Hono, Next or any other listener sees only requests that passed it. */
import { compileGuard, type RelayGuardSettings } from '../src/config/guard-options.ts';
import type { Judged } from '../src/guard/checkpoint.ts';
import type { Request } from '../src/guard/received.ts';
import { ServerCheckpoint } from '../src/guard/server-checkpoint.ts';
import type { HttpServer } from '../src/guard/server-events.ts';

/** The options of `relayGuard`. `trustedProxies: 'inherit'` has no effect here. */
export interface GuardOptions extends RelayGuardSettings {
  /** Called with an error inside a check or inside `onProbe`; the request is denied. @default writes to stderr */
  readonly onError?: (error: unknown) => void;
}

export interface Guard {
  /** The guard's verdict on a request of this server, and the client that the request counts for. */
  judge(req: Request): Judged;
  /**
   * Applies other options to future requests.
   *
   * @throws {ConfigError} naming every fault; the previous options stay in force
   */
  replace(options: GuardOptions): void;
  /** Removes the guard: later requests pass unjudged. */
  detach(): void;
}

/**
 * Refuses relay abuse before any listener of the server sees it, including listeners added later.
 *
 * @param server of `node:http`, `node:https` or `node:http2`, listening or not
 * @throws {ConfigError} naming every fault of the options
 * @throws Error with code SEKISHO_ERR_GUARDED_ALREADY if the server has a guard already
 */
export function guard(server: HttpServer, options: GuardOptions): Guard {
  let { answer, onProbe, onError = toStderr } = options;
  const compiled = compileGuard(options);
  const checkpoint = new ServerCheckpoint({
    policy: compiled.policy,
    clients: compiled.clients,
    answer: (event) => answer?.(event),
    onEvent: (event) => onProbe?.(event),
    onError: (error) => onError(error),
  });
  let { addPort } = compiled;
  const addOwnPort = (): void => {
    const address = server.address();
    if (typeof address === 'object' && address !== null) addPort(address.port);
  };
  const place = checkpoint.attach(server);
  server.on('listening', addOwnPort);
  addOwnPort();
  return {
    judge: (req) => checkpoint.judge(req),
    replace: (next) => {
      const recompiled = compileGuard(next);
      ({ answer, onProbe, onError = toStderr } = next);
      ({ addPort } = recompiled);
      addOwnPort();
      checkpoint.replace(recompiled.policy, recompiled.clients);
    },
    detach: () => {
      server.off('listening', addOwnPort);
      place.detach();
    },
  };
}

const toStderr = (error: unknown): void =>
  console.error('sekisho: a check failed; the request was denied', error);
