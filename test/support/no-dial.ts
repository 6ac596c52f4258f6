/**
 * Records what the process dials and looks up, as evidence that it can't relay.
 *
 * In the test's own process: {@link watchDials}. In a child process: `--import` this file with SEKISHO_DIAL_LOG set
 * to a file, which gets one line per dial ({@link readDialLog}).
 *
 * It sees net (and with it tls, http, http2, fetch, undici), dns and dgram. It does not see other processes.
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync, readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import type { Owner } from './owner.ts';

export interface Dial {
  readonly kind: 'connect' | 'lookup' | 'datagram';
  /** `ADDRESS:PORT` or `NAME:PORT` (IPv6 in brackets), `unix:PATH`; for a look-up only the name. */
  readonly destination: string;
}

export interface DialWatch {
  /** Every dial so far. */
  readonly dials: readonly Dial[];
  /** Allows one more destination. */
  allow(destination: string): void;
  /** The dials to other destinations than the allowed ones, as `connect 127.0.0.1:25`. */
  others(): string[];
  /** Restores all functions. */
  restore(): void;
}

/**
 * Records the dials of this process until its owner ends. The test's own connections are recorded too: allow the
 * listeners that it talks to.
 *
 * @param allow destinations (`127.0.0.1:8081`) and names that may be looked up (`localhost`)
 */
export function watchDials(owner: Owner, allow: readonly string[] = []): DialWatch {
  const allowed = new Set(allow);
  const dials: Dial[] = [];
  const restore = hook((dial) => dials.push(dial));
  owner.after(restore);
  return {
    dials,
    allow: (destination) => allowed.add(destination),
    others: () => strangers(dials, allowed),
    restore,
  };
}

/** The dials of a child process that was started with `--import`. */
export function readDialLog(path: string): Dial[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Error(`${path}: no dial log was started`);
    throw error;
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const space = line.indexOf(' ');
      return { kind: line.slice(0, space) as Dial['kind'], destination: line.slice(space + 1) };
    });
}

/** The dials to other destinations than the allowed ones, as `connect 127.0.0.1:25`. */
export function strangers(dials: readonly Dial[], allow: Iterable<string>): string[] {
  const allowed = new Set(allow);
  return dials.filter(({ destination }) => !allowed.has(destination)).map(lineOf);
}

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

function hook(record: (dial: Dial) => void): () => void {
  const undo: (() => void)[] = [];
  /** Wraps a method so that its arguments are recorded. */
  const tap = (target: object, name: string, tell: (args: unknown[], self: unknown) => Dial | null): void => {
    const methods = target as Record<string, AnyFunction>;
    const original = methods[name];
    if (typeof original !== 'function') return;
    const own = Object.getOwnPropertyDescriptor(target, name);
    const tapped: AnyFunction = function (...args) {
      const dial = tell(args, this);
      if (dial !== null) record(dial);
      return original.apply(this, args);
    };
    // util.promisify reads here that the promise gives address and family.
    for (const key of Object.getOwnPropertySymbols(original)) {
      Object.defineProperty(tapped, key, Object.getOwnPropertyDescriptor(original, key)!);
    }
    methods[name] = tapped;
    undo.push(() => {
      if (own === undefined) delete methods[name];
      else Object.defineProperty(target, name, own);
    });
  };

  tap(net.Socket.prototype, 'connect', (args) => ({ kind: 'connect', destination: connectTarget(args) }));
  tap(dgram.Socket.prototype, 'send', (args, self) => sendTarget(args, self as dgram.Socket));
  tap(dgram.Socket.prototype, 'connect', ([port, host]) => ({
    kind: 'datagram',
    destination: authority(typeof host === 'string' ? host : 'localhost', port),
  }));

  const resolvers = [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype];
  for (const resolver of resolvers) {
    for (const name of lookUps(resolver)) {
      tap(resolver, name, ([asked]) => {
        // Looking up an address asks no server; a reverse look-up does.
        const passes = name === 'lookup' && (typeof asked !== 'string' || net.isIP(asked) !== 0);
        return passes ? null : { kind: 'lookup', destination: String(asked) };
      });
    }
  }
  // Also for modules with `import { lookup } from 'node:dns'`.
  syncBuiltinESMExports();
  return () => {
    for (const step of undo.splice(0).reverse()) step();
    syncBuiltinESMExports();
  };
}

function lookUps(resolver: object): string[] {
  const names = new Set<string>(['lookup', 'lookupService', 'reverse']);
  for (let at = resolver; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (/^resolve/.test(name)) names.add(name);
  }
  return [...names];
}

/** `connect(options)`, `connect(port, host)`, `connect(path)`, or the array that net makes of those. */
function connectTarget(args: unknown[]): string {
  const first = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (typeof first === 'object' && first !== null) {
    const { path, host, port } = first as { path?: unknown; host?: unknown; port?: unknown };
    return typeof path === 'string' && path !== ''
      ? `unix:${path}`
      : authority(typeof host === 'string' && host !== '' ? host : 'localhost', port);
  }
  // net takes a string that is not a number for the path of a socket.
  if (typeof first === 'string' && !(Number(first) >= 0)) return `unix:${first}`;
  return authority(typeof args[1] === 'string' ? args[1] : 'localhost', first);
}

/** `send(msg, [offset, length,] port, address)`. A connected socket names neither: its `connect` was recorded. */
function sendTarget(args: unknown[], socket: dgram.Socket): Dial | null {
  if (isConnected(socket)) return null;
  const rest = args.slice(1).filter((arg) => typeof arg !== 'function' && arg !== undefined);
  const [port, address] = typeof rest[1] === 'number' ? rest.slice(2) : rest;
  return {
    kind: 'datagram',
    destination: authority(typeof address === 'string' ? address : 'localhost', port),
  };
}

function isConnected(socket: dgram.Socket): boolean {
  try {
    return socket.remoteAddress() !== undefined;
  } catch {
    return false;
  }
}

function authority(host: string, port: unknown): string {
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

function lineOf({ kind, destination }: Dial): string {
  return `${kind} ${destination}`;
}

const log = process.env.SEKISHO_DIAL_LOG;
if (log !== undefined && log !== '') {
  // An empty file shows that the process was watched and dialled nothing.
  appendFileSync(log, '');
  hook((dial) => appendFileSync(log, `${lineOf(dial).replace(/[\r\n]/g, '?')}\n`));
}
