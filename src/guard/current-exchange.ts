/** The exchange that a socket carries at the moment: an answer to anything else on it has to wait for its end. */
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

/** The last exchange that began on the socket; undefined before the first. */
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
 * CONNECT and upgrades take the socket itself, which may still owe an answer to the request before them: what is
 * written too early would be read as that answer (response splitting behind a shared proxy).
 */
export function inTurn(socket: CarryingSocket, act: () => void): void {
  const exchange = socket[current];
  if (exchange === undefined || !isBusy(socket)) {
    act();
    return;
  }
  socket.on('error', ignore);
  // Node lets go of the socket with the event, so that nobody else tells the exchange of its end.
  const onGone = () => exchange.res.destroy();
  socket.once('close', onGone);
  exchange.res.once('close', () => {
    socket.off('close', onGone);
    act();
  });
}

/**
 * For a request with an Upgrade line that is no upgrade. Node's parser stops behind it and forgets the rest of the packet: what
 * comes next, maybe the body of a forgotten request, would be taken for a request (smuggling). So its answer is the last one.
 */
export function endBehind({ socket }: IncomingMessage, res: ServerResponse): void {
  if (nothingBehind(socket)) return;
  (socket as CarryingSocket)[last] = true;
  res.shouldKeepAlive = false;
}

/** Whether nothing behind the request under way is read. */
export const isLast = (socket: CarryingSocket): boolean => socket[last] === true;

const ignore = (): void => {};
