/**
 * Routes WebSocket handshakes through the router of an app, so that its hooks see them like any request. Node emits `upgrade`
 * instead, past every router.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A handshake as Node hands it over. */
export interface Handshake {
  readonly socket: Socket;
  /** Bytes that arrived after the head. */
  readonly rest: Buffer;
}

/** The part of a server that is needed here; some apps' tests emit fake requests on one. */
interface UpgradingServer {
  on(event: 'upgrade', listener: (req: IncomingMessage, socket: Socket, rest: Buffer) => void): unknown;
  off(event: 'upgrade', listener: (req: IncomingMessage, socket: Socket, rest: Buffer) => void): unknown;
  listenerCount(event: 'upgrade'): number;
}

const perApp = new WeakMap<object, RoutedUpgrades>();
const handshakes = new WeakMap<object, Handshake>();

/** The handshake behind a routed request; undefined for any other request. */
export const handshakeOf = (req: object): Handshake | undefined => handshakes.get(req);

/** One per app, however many plugins use it: each handshake is routed once. An app that is restarted on its server has its own. */
export class RoutedUpgrades {
  readonly #server: UpgradingServer;
  readonly #route: (req: IncomingMessage, res: ServerResponse) => void;
  readonly #prefixes: string[] = [];
  readonly #carried = new Set<Socket>();

  /**
   * @param app is the same object for all plugins of an app
   * @param route the app's router, given the request and a response for its answer
   * @param prefix handshakes below it are routed even if others listen for `upgrade`; empty: all of them
   */
  static of(
    app: object,
    server: UpgradingServer,
    route: (req: IncomingMessage, res: ServerResponse) => void,
    prefix: string,
  ): RoutedUpgrades {
    let upgrades = perApp.get(app);
    if (upgrades === undefined) {
      upgrades = new RoutedUpgrades(server, route);
      perApp.set(app, upgrades);
    }
    upgrades.#prefixes.push(prefix);
    return upgrades;
  }

  private constructor(server: UpgradingServer, route: (req: IncomingMessage, res: ServerResponse) => void) {
    this.#server = server;
    this.#route = route;
  }

  /** Takes handshakes from now on. */
  begin(): void {
    this.#server.off('upgrade', this.#onUpgrade);
    this.#server.on('upgrade', this.#onUpgrade);
  }

  readonly #onUpgrade = (req: IncomingMessage, socket: Socket, rest: Buffer): void => {
    handshakes.set(req, { socket, rest });
    // Node has removed its own error listener: without this one a reset would end the process.
    socket.on('error', () => socket.destroy());
    // After the other listeners: `@fastify/websocket` and the like route handshakes too, and a second routing would break theirs.
    const { bytesWritten } = socket;
    setImmediate(() => {
      if (this.#carried.has(socket) || bytesWritten !== socket.bytesWritten || isTaken(socket)) return;
      if (this.#isOurs(req.url ?? '') || this.#server.listenerCount('upgrade') === 1)
        this.#route(req, responseTo(req, socket));
    });
  };

  /** Detaches the connection from the response that the app's hooks could have answered with. */
  take(res: ServerResponse, { socket }: Handshake): void {
    res.detachSocket(socket);
    this.#carried.add(socket);
    socket.once('close', () => this.#carried.delete(socket));
  }

  /** Takes no more handshakes, and closes upgraded connections: a server that closes would wait for them for ever. */
  close(): void {
    this.#server.off('upgrade', this.#onUpgrade);
    for (const socket of this.#carried) socket.destroySoon();
  }

  #isOurs(target: string): boolean {
    const path = target.startsWith('/') ? target : target.replace(/^[^/?]*\/\/[^/?]*/, '');
    return this.#prefixes.some(
      (prefix) => path === prefix || path.startsWith(`${prefix}/`) || path.startsWith(`${prefix}?`),
    );
  }
}

/** Whether another listener answers: a Node response marks the socket that it is assigned to. */
const isTaken = (socket: Socket & { _httpMessage?: object | null }): boolean =>
  socket.destroyed || socket.writableEnded || !!socket._httpMessage;

/** For answers other than 101. It closes the connection: bytes after a handshake are not a request. */
function responseTo(req: IncomingMessage, socket: Socket): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(socket);
  res.once('finish', () => {
    res.detachSocket(socket);
    socket.end();
  });
  return res;
}
