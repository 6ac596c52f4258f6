/**
 * Sends handshakes through the router of an app, so that its hooks see them like any request. Node gives a handshake to
 * listeners for `upgrade`, past every router.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A handshake as Node gave it away. */
export interface Handshake {
  readonly socket: Socket;
  /** Bytes that came in behind the head. */
  readonly rest: Buffer;
}

/** As much of a server as is needed: the stand-ins for requests that some tests emit come over it too. */
interface UpgradingServer {
  on(event: 'upgrade', listener: (req: IncomingMessage, socket: Socket, rest: Buffer) => void): unknown;
  listenerCount(event: 'upgrade'): number;
}

const perServer = new WeakMap<UpgradingServer, RoutedUpgrades>();
const handshakes = new WeakMap<object, Handshake>();

/** The handshake that a routed request is, whoever routes it; undefined for any other request. */
export const handshakeOf = (req: object): Handshake | undefined => handshakes.get(req);

/** One a server, however many plugins want handshakes of it: each is routed once. */
export class RoutedUpgrades {
  readonly #prefixes: string[] = [];
  readonly #carried = new Set<Socket>();

  /**
   * @param route of the app, with the request and the response that its answer goes to
   * @param prefix below which handshakes are to be routed whoever else listens; empty: all of them
   */
  static of(
    server: UpgradingServer,
    route: (req: IncomingMessage, res: ServerResponse) => void,
    prefix: string,
  ): RoutedUpgrades {
    let upgrades = perServer.get(server);
    if (upgrades === undefined) {
      upgrades = new RoutedUpgrades(server, route);
      perServer.set(server, upgrades);
    }
    upgrades.#prefixes.push(prefix);
    return upgrades;
  }

  private constructor(server: UpgradingServer, route: (req: IncomingMessage, res: ServerResponse) => void) {
    server.on('upgrade', (req, socket, rest) => {
      handshakes.set(req, { socket, rest });
      // Node takes its own listener off with the event: a reset would end the process.
      socket.on('error', () => socket.destroy());
      // Other listeners first: `@fastify/websocket` and the like route handshakes too, and a second routing would break theirs.
      const { bytesWritten } = socket;
      setImmediate(() => {
        if (this.#carried.has(socket) || bytesWritten !== socket.bytesWritten || isTaken(socket)) return;
        if (this.#isOurs(req.url ?? '') || server.listenerCount('upgrade') === 1)
          route(req, responseTo(req, socket));
      });
    });
  }

  /** Takes the connection out of the hands of the response that its hooks could have answered with. */
  take(res: ServerResponse, { socket }: Handshake): void {
    res.detachSocket(socket);
    this.#carried.add(socket);
    socket.once('close', () => this.#carried.delete(socket));
  }

  /** Ends what is carried: a server that closes waits for upgraded connections, and would for as long as they last. */
  close(): void {
    for (const socket of this.#carried) socket.destroySoon();
  }

  #isOurs(target: string): boolean {
    const path = target.startsWith('/') ? target : target.replace(/^[^/?]*\/\/[^/?]*/, '');
    return this.#prefixes.some(
      (prefix) => path === prefix || path.startsWith(`${prefix}/`) || path.startsWith(`${prefix}?`),
    );
  }
}

/** Somebody is about to answer: a response of Node marks the socket that it is assigned to. */
const isTaken = (socket: Socket & { _httpMessage?: object | null }): boolean =>
  socket.destroyed || socket.writableEnded || !!socket._httpMessage;

/** What an answer other than 101 is written to. It ends the connection: whatever comes behind a handshake is no request. */
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
