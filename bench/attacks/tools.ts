/** What attackers are made of: connections from loopback addresses of their own, at a rate, bounded. */
import { connect, type Socket } from 'node:net';

export interface Ports {
  readonly http: number;
  readonly tls: number;
  readonly admin: number;
  readonly smtp: number;
  readonly decoy: number;
}

/** Something that goes on until it is stopped. */
export type Running = () => void;

/** An address of the gateway's trusted proxy: whoever comes from there is whom it names. */
export const proxy = '127.0.0.2';
/** The most connections that one attack has open. */
const mostOpen = 3000;

/** Another attacker each time. */
let number = 0;
export const freshClient = (): string => {
  number++;
  return `11.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
};

/** An attacker of an address of its own, where no proxy says whom it speaks for. */
const freshAddress = (): string => {
  number++;
  return `127.${16 + ((number >> 16) & 127)}.${(number >> 8) & 255}.${1 + (number & 127)}`;
};

/** Does something so many times a second. */
export function every(perSecond: number, act: () => void): Running {
  const start = performance.now();
  let done = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) * perSecond) / 1000);
    // What a busy machine has made late is left out: it would come all at once.
    if (due - done > perSecond / 10) done = due - Math.ceil(perSecond / 10);
    for (; done < due; done++) act();
  }, 5);
  return () => clearInterval(timer);
}

export interface Sending {
  readonly port: number;
  /** @default another one each time */
  readonly from?: string;
  readonly perSecond: number;
  /** What is sent on each connection. */
  readonly bytes: () => string | Buffer;
  /** The connection ends with what it has said, and by a reset. @default false */
  readonly reset?: boolean;
  /** Speaks once it has been greeted. @default false */
  readonly greeted?: boolean;
}

/** A connection each: sends, takes what comes, and waits for the end, five seconds at most. */
export function sends({ port, from, perSecond, bytes, reset = false, greeted = false }: Sending): Running {
  const open = new Set<Socket>();
  const stop = every(perSecond, () => {
    if (open.size >= mostOpen) return;
    const socket = connect({ port, host: '127.0.0.1', localAddress: from ?? freshAddress() });
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    socket.setTimeout(5000, () => socket.destroy());
    socket.resume();
    const speak = () =>
      socket.write(bytes(), 'latin1', () => {
        if (reset) socket.resetAndDestroy();
      });
    if (greeted) socket.once('data', speak);
    else speak();
  });
  return () => {
    stop();
    for (const socket of open) socket.destroy();
  };
}

/** Two bodies at a time that come as fast as they are taken, up to so many bytes a second in all. */
export function uploads(port: number, head: string, perSecond: number): Running {
  const piece = Buffer.alloc(64 * 1024, 'a');
  const open: (Socket | null)[] = [null, null];
  const connectTo = (slot: number): Socket => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: freshAddress() });
    socket.on('error', () => {});
    socket.once('close', () => {
      open[slot] = null;
    });
    socket.resume();
    socket.write(head, 'latin1');
    return socket;
  };
  let at = 0;
  const stop = every(perSecond / piece.length, () => {
    const slot = at++ % open.length;
    const socket = open[slot] ?? connectTo(slot);
    open[slot] = socket;
    if (!socket.writableNeedDrain) socket.write(piece);
  });
  return () => {
    stop();
    for (const socket of open) socket?.destroy();
  };
}

export interface Holding {
  readonly port: number;
  readonly connections: number;
  /** What is sent first. */
  readonly first: string;
  /** What is sent on each, once every `interval` milliseconds; empty: nothing. */
  readonly drip?: string;
  readonly interval?: number;
  /** Nothing of the answers is read. @default false */
  readonly deaf?: boolean;
}

/** Connections that are kept open, made again where they are closed; of many addresses, so that no bound of one client ends it. */
export function holds({
  port,
  connections,
  first,
  drip = '',
  interval = 1000,
  deaf = false,
}: Holding): Running {
  const open = new Set<Socket>();
  let at = 0;
  const more = every(Math.min(connections, 2000), () => {
    if (open.size >= connections) return;
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${1 + (at++ % 250)}` });
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
    if (!deaf) socket.resume();
    if (first !== '') socket.write(first, 'latin1');
  });
  // Spread over the interval, as so many attackers would be.
  let hand = 0;
  const dripping =
    drip === ''
      ? () => {}
      : every((connections * 1000) / interval, () => {
          const all = [...open];
          const socket = all[hand++ % Math.max(1, all.length)];
          if (socket?.writable === true && !socket.writableNeedDrain) socket.write(drip, 'latin1');
        });
  return () => {
    more();
    dripping();
    for (const socket of open) socket.destroy();
  };
}
