/** The checkpoint before a server of Node's own: whatever listens to it, Express, Koa, Hono, Next or nothing, sees what is judged. */
import { compileGuard, type RelayGuardSettings } from '../src/config/guard-options.ts';
import type { Judged } from '../src/guard/checkpoint.ts';
import type { Request } from '../src/guard/received.ts';
import { ServerCheckpoint } from '../src/guard/server-checkpoint.ts';
import type { HttpServer } from '../src/guard/server-events.ts';

/** The options of `relayGuard`. `trustedProxies: 'inherit'` finds nothing here. */
export interface GuardOptions extends RelayGuardSettings {
  /** Told of an error inside a check, or inside `onProbe`; the request is denied. @default written to stderr */
  readonly onError?: (error: unknown) => void;
}

export interface Guard {
  /** What the guard thinks of a request that the server gave away: the verdict, and whom it is counted for. */
  judge(req: Request): Judged;
  /**
   * Puts other options in force, for requests that come from now on.
   *
   * @throws {ConfigError} naming every fault; those before stay in force
   */
  replace(options: GuardOptions): void;
  /** Takes the guard away: everything passes unjudged from now on. */
  detach(): void;
}

/**
 * Turns relay abuse away before any listener of the server, whenever that was or will be added.
 *
 * @param server of `node:http`, `node:https` or `node:http2`, listening or not
 * @throws {ConfigError} naming every fault of the options
 * @throws Error with code SEKISHO_ERR_GUARDED_ALREADY where a guard stands before the server already
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
  const detach = checkpoint.attach(server);
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
      detach();
    },
  };
}

const toStderr = (error: unknown): void =>
  console.error('sekisho: a check failed; the request was denied', error);
