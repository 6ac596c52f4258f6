/** Building blocks of attacks: connections from various loopback addresses, at a given rate, bounded in number. */
import { connect, type Socket } from 'node:net';

export interface Ports {
  readonly http: number;
  readonly tls: number;
  readonly admin: number;
  readonly smtp: number;
  readonly decoy: number;
}

/** Stops an activity. */
export type Running = () => void;

/** Address of a trusted proxy of the gateway: its `X-Forwarded-For` names the client. */
export const proxy = '127.0.0.2';
/** Most open connections of one attack. */
const mostOpen = 3000;

/** A new attacker each time. */
let number = 0;
export const freshClient = (): string => {
  number++;
  return `11.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
};

/** A new loopback address each time, for attackers that connect directly. */
const freshAddress = (): string => {
  number++;
  return `127.${16 + ((number >> 16) & 127)}.${(number >> 8) & 255}.${1 + (number & 127)}`;
};

/** Runs `act` so many times per second. */
export function every(perSecond: number, act: () => void): Running {
  const start = performance.now();
  let done = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) * perSecond) / 1000);
    // On a busy machine skip what is overdue, instead of sending it in one burst.
    if (due - done > perSecond / 10) done = due - Math.ceil(perSecond / 10);
    for (; done < due; done++) act();
  }, 5);
  return () => clearInterval(timer);
}

export interface Sending {
  readonly port: number;
  /** @default a new address each time */
  readonly from?: string;
  readonly perSecond: number;
  /** The bytes to send on each connection. */
  readonly bytes: () => string | Buffer;
  /** Resets the connection once the bytes are sent. @default false */
  readonly reset?: boolean;
  /** Waits for the server's greeting before it sends. @default false */
  readonly greeted?: boolean;
}

/** Opens a connection per message: sends, reads the answer, and waits for the end for at most five idle seconds. */
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

/** Two concurrent bodies, as fast as the server reads them, up to so many bytes per second in total. */
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
  /** The bytes to send first. */
  readonly first: string;
  /** The bytes to send on each connection every `interval` milliseconds; empty: none. */
  readonly drip?: string;
  readonly interval?: number;
  /** Never reads the answers. @default false */
  readonly deaf?: boolean;
}

/** Connections that are kept open and reopened when closed; from many addresses, so that no per-client limit stops them. */
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
  // Spread over the interval, as that many attackers would be.
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
