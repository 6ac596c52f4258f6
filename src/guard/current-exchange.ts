/** The exchange that a socket carries now: an answer to anything else on that socket must wait for its end. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Request, Response } from './received.ts';
import { nothingBehind } from './request-line.ts';

export interface CurrentExchange {
  readonly req: Request;
  readonly res: Response;
}

const current = Symbol('sekisho.current');

const last = Symbol('sekisho.last');

type CarryingSocket = Socket & { [current]?: CurrentExchange; [last]?: true };

/** The latest exchange on the socket; undefined before the first. */
export const exchangeOn = (socket: CarryingSocket): CurrentExchange | undefined => socket[current];

export function beginExchange(socket: CarryingSocket, exchange: CurrentExchange): void {
  socket[current] = exchange;
}

/** Whether the socket still owes the answer of its exchange. */
export function isBusy(socket: CarryingSocket): boolean {
  const res = socket[current]?.res;
  return res !== undefined && !res.writableFinished && !res.destroyed;
}

/**
 * CONNECT and upgrades take over the socket, which may still owe the answer to the request before them: bytes written too early
 * would be read as that answer (response splitting behind a shared proxy).
 */
export function inTurn(socket: CarryingSocket, act: () => void): void {
  const exchange = socket[current];
  if (exchange === undefined || !isBusy(socket)) {
    act();
    return;
  }
  socket.on('error', ignore);
  // Node stops watching the socket with this event, so nothing else would tell the exchange that it has closed.
  const onGone = () => exchange.res.destroy();
  socket.once('close', onGone);
  exchange.res.once('close', () => {
    socket.off('close', onGone);
    act();
  });
}

/**
 * For a request with an Upgrade field that is not an upgrade. Node's parser stops after it and drops the rest of the packet: the next
 * bytes, maybe the body of a dropped request, would be taken for a request (smuggling). So its answer closes the connection.
 */
export function endBehind({ socket }: IncomingMessage, res: ServerResponse): void {
  if (nothingBehind(socket)) return;
  (socket as CarryingSocket)[last] = true;
  res.shouldKeepAlive = false;
}

/** Whether requests after the current one are ignored. */
export const isLast = (socket: CarryingSocket): boolean => socket[last] === true;

const ignore = (): void => {};
