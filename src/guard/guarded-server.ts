/**
 * The checkpoints of a server, usually one. While an app that keeps its server restarts, the old and the new app have one each; only the
 * newest is in force.
 */
import { codedError } from '../errors.ts';
import { type Emit, type HttpServer, solicited } from './server-events.ts';

/** Handles an event of the server. @param emit passes an event on to the listeners */
export type Handler = (emit: Emit, event: string, args: unknown[]) => boolean;

export interface Place {
  /** Removes the checkpoint: if it is the only one, later requests pass unjudged. */
  detach(): void;
  /** Removes the checkpoint of a closing app, unless it is the only one: the server may still be serving. */
  leave(): void;
}

interface Standing {
  readonly handle: Handler;
  readonly app: object | undefined;
  left: boolean;
}

interface Guarded {
  standing: Standing[];
  readonly uninstall: () => void;
}

const guarded = Symbol('sekisho.guarded');

type GuardedServer = HttpServer & { [guarded]?: Guarded | undefined };

/** Whether the server has checkpoints, all of other apps. */
export function isOfOtherApp(server: GuardedServer, app: object): boolean {
  const { standing } = server[guarded] ?? { standing: [] };
  return standing.length > 0 && standing.every((one) => one.app !== undefined && one.app !== app);
}

/**
 * Puts a checkpoint before all listeners of the server, including those added later.
 *
 * @param app it belongs to; undefined: it shares the server with no other
 * @throws Error where the server has a checkpoint of the same app already
 */
export function standBefore(server: GuardedServer, handle: Handler, app: object | undefined): Place {
  if (server[guarded] !== undefined && (app === undefined || !isOfOtherApp(server, app)))
    throw codedError(
      'SEKISHO_ERR_GUARDED_ALREADY',
      'this server has a checkpoint already: register relayGuard once, at the root of the app',
    );
  server[guarded] ??= install(server);
  const own: Standing = { handle, app, left: false };
  server[guarded].standing.push(own);
  removeLeft(server[guarded]);
  return {
    detach: () => {
      const found = server[guarded];
      if (found === undefined) return;
      found.standing = found.standing.filter((one) => one !== own);
      if (found.standing.length > 0) return;
      found.uninstall();
      server[guarded] = undefined;
    },
    leave: () => {
      own.left = true;
      if (server[guarded] !== undefined) removeLeft(server[guarded]);
    },
  };
}

/** Removes the checkpoints of closed apps, but never the last checkpoint. */
function removeLeft(on: Guarded): void {
  const staying = on.standing.filter(({ left }) => !left);
  on.standing = staying.length > 0 ? staying : on.standing.slice(-1);
}

function install(server: HttpServer): Guarded {
  for (const event of solicited) server.on(event, ignore);
  const before = server.emit;
  const emit: Emit = before.bind(server);
  // A library that has wrapped `emit` after us may go on calling ours.
  let active = true;
  const guard: Emit = (event, ...args) =>
    active ? on.standing[on.standing.length - 1]!.handle(emit, event, args) : emit(event, ...args);
  server.emit = guard as typeof server.emit;
  const on: Guarded = {
    standing: [],
    uninstall: () => {
      active = false;
      for (const event of solicited) server.off(event, ignore);
      if (server.emit === guard) server.emit = before;
    },
  };
  return on;
}

const ignore = (): void => {};
