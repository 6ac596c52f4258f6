/** The exchange that a socket carries at the moment: an answer to anything else on it has to wait for its end. */
import type { Socket } from 'node:net';
import type { Request, Response } from './received.ts';

export interface CurrentExchange {
  readonly req: Request;
  readonly res: Response;
}

const current = Symbol('sekisho.current');

type CarryingSocket = Socket & { [current]?: CurrentExchange };

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

const ignore = (): void => {};
