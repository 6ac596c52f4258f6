/** Sends judged requests to the backends of their site. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import type { Counters } from '../events/counters.ts';
import type { Judged } from '../guard/checkpoint.ts';
import type { Site } from '../rules/policy.ts';
import { type BackendAddress, backendName } from './backend.ts';
import { Exchange, type RequestBody } from './exchange.ts';
import { type ForwardedRequest, forwardedHead } from './forwarded-head.ts';
import { Pool, type PoolOptions } from './pool.ts';
import { Upgrader } from './upgrade.ts';
import type { UpstreamError } from './upstream-error.ts';
import { welcome } from './welcome.ts';

export interface ForwarderOptions {
  readonly pool: PoolOptions;
  /** Milliseconds an upgraded connection may be silent both ways. */
  readonly upgradeIdle: number;
  /** Send a Via line to backends. */
  readonly via: boolean;
  readonly onFailure: (error: UpstreamError) => void;
  /** Counts failures and how long backends take. */
  readonly counters?: Counters | undefined;
}

/** Where the requests of a site go: to a backend, or to the page the program brings along. */
export type Route = BackendAddress | 'welcome';

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #pools = new Map<string, Pool>();
  readonly #upgrader: Upgrader;
  readonly #via: string | null;
  /** Weak, so that sites of an earlier config live as long as a request that was judged by it. */
  readonly #routes = new WeakMap<Site, Route>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#via = options.via ? hostname() : null;
    this.#upgrader = new Upgrader(
      { connect: options.pool.connect, idle: options.upgradeIdle },
      options.onFailure,
    );
  }

  /** Sets where requests of these sites go from now on. */
  route(routes: Iterable<readonly [Site, Route]>): void {
    for (const [site, route] of routes) this.#routes.set(site, route);
  }

  /**
   * Forwards a request that was allowed or flagged.
   *
   * @param expectsContinue the client waits for `100 Continue`
   */
  forward(req: IncomingMessage, res: ServerResponse, judged: Judged, expectsContinue: boolean): void {
    const route = this.#routes.get(judged.verdict.site!);
    if (route === undefined) throw new TypeError('a verdict of a site without a route');
    if (route === 'welcome') {
      if (expectsContinue) res.writeContinue();
      welcome(req, res);
      return;
    }
    const body = bodyOf(req);
    const { pool, onFailure } = { pool: this.#pool(route), onFailure: this.#options.onFailure };
    const head = forwardedHead(this.#forwarded(req, judged, body === 'chunked'));
    const latency = this.#options.counters?.backend(pool.name);
    new Exchange({ req, res, head, body, expectsContinue, pool, onFailure, latency }).start();
  }

  /** Forwards a WebSocket handshake. */
  upgrade(req: IncomingMessage, socket: Socket, rest: Buffer, judged: Judged): void {
    const route = this.#routes.get(judged.verdict.site!);
    if (route === undefined || route === 'welcome') {
      socket.end('HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    this.#upgrader.carry(
      req,
      socket,
      rest,
      route,
      judged.verdict.path,
      forwardedHead(this.#forwarded(req, judged, false)),
    );
  }

  /** Ends idle connections; busy ones end with their exchange. */
  close(): void {
    for (const pool of this.#pools.values()) pool.close();
  }

  #pool(address: BackendAddress): Pool {
    const name = `${address.kind} ${backendName(address)}`;
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = new Pool(address, this.#options.pool);
      this.#pools.set(name, pool);
    }
    return pool;
  }

  #forwarded(req: IncomingMessage, { verdict, client, peer }: Judged, chunked: boolean): ForwardedRequest {
    return {
      method: req.method!,
      version: req.httpVersion,
      rawHeaders: req.rawHeaders,
      path: verdict.path,
      host: verdict.host,
      trusted: client.trusted,
      peer,
      secure: 'encrypted' in req.socket,
      strip: verdict.strip,
      chunked,
      upgrade: verdict.upgrade,
      via: this.#via,
    };
  }
}

/** The judge has let only unambiguous framing pass. */
function bodyOf(req: IncomingMessage): RequestBody {
  const { rawHeaders } = req;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { length } = rawHeaders[i]!;
    if (length === 14 && rawHeaders[i]!.toLowerCase() === 'content-length') {
      return Number(rawHeaders[i + 1]) === 0 ? 'none' : 'length';
    }
    if (length === 17 && rawHeaders[i]!.toLowerCase() === 'transfer-encoding') return 'chunked';
  }
  return 'none';
}
