/** Sends judged requests to the backends of their site. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import type { Counters } from '../events/counters.ts';
import type { Judged } from '../guard/checkpoint.ts';
import { isHttp2, type Request, type Response } from '../guard/received.ts';
import type { Site } from '../rules/policy.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { contentless } from '../wire/methods.ts';
import type { BackendAddress } from './backend.ts';
import { Backend, BackendGroup } from './backend-group.ts';
import type { BackendHealth } from './backend-health.ts';
import type { BalancePolicy } from './balance.ts';
import { Exchange, type RequestBody } from './exchange.ts';
import { type ForwardedRequest, forwardedHead } from './forwarded-head.ts';
import type { HealthOptions } from './health.ts';
import { Pool, type PoolBounds, poolKey } from './pool.ts';
import { writeInformation } from './respond.ts';
import { Upgrader } from './upgrade.ts';
import type { UpstreamTimeouts } from './upstream-connection.ts';
import type { UpstreamError } from './upstream-error.ts';
import { welcome } from './welcome.ts';

export interface ForwarderOptions {
  readonly timeouts: UpstreamTimeouts;
  /** Milliseconds an upgraded connection may be silent both ways. */
  readonly upgradeIdle: number;
  /** Send a Via line to backends. */
  readonly via: boolean;
  readonly onFailure: (error: UpstreamError) => void;
  /** Told when a backend is ejected (`healthy` is false) or gets requests again. */
  readonly onBackend: (name: string, healthy: boolean, why: string) => void;
  /** Counts failures and how long backends take. */
  readonly counters?: Counters | undefined;
}

/** Where the requests of a site go: to its backends, or to the page the program brings along. */
export type Route = 'welcome' | BackendsRoute;

export interface BackendsRoute {
  readonly backends: readonly { readonly address: BackendAddress; readonly weight: number }[];
  readonly balance: BalancePolicy;
  readonly health: HealthOptions | null;
  readonly pool: PoolBounds;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #groups = new Set<BackendGroup>();
  /** Of the routes now in force. */
  #healths: ReadonlyMap<string, BackendHealth> = new Map();
  readonly #upgrader: Upgrader;
  readonly #via: string | null;
  /** Weak, so that sites of an earlier config live as long as a request that was judged by it. */
  readonly #routes = new WeakMap<Site, 'welcome' | BackendGroup>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#via = options.via ? hostname() : null;
    this.#upgrader = new Upgrader({ ...options.timeouts, idle: options.upgradeIdle }, options.onFailure);
  }

  /**
   * Sets where requests of these sites go from now on. Connections of routes set earlier end with their exchanges; what is known
   * of the health of a backend stays known.
   */
  route(routes: Iterable<readonly [Site, Route]>): void {
    const earlier = [...this.#groups];
    this.#groups.clear();
    const pools = new Map<string, Pool>();
    const healths = new Map<string, BackendHealth>();
    for (const [site, route] of routes) {
      const target = route === 'welcome' ? route : this.#group(site, route, pools, healths);
      this.#routes.set(site, target);
      if (target !== 'welcome') this.#groups.add(target);
    }
    this.#healths = healths;
    for (const group of earlier) group.close();
  }

  /** The backends of every site, as they stand. */
  get backends(): readonly Backend[] {
    return [...this.#groups].flatMap((group) => group.backends);
  }

  /** The backends a request goes to; null where the program itself answers it. */
  groupFor({ verdict }: Judged): BackendGroup | null {
    const route = this.#routes.get(verdict.site!);
    if (route === undefined) throw new TypeError('a verdict of a site without a route');
    return route === 'welcome' ? null : route;
  }

  /**
   * The head that a backend gets.
   *
   * @param secure the request came over TLS
   */
  headFor(judged: Judged, secure: boolean, body: RequestBody): string {
    return forwardedHead(this.#forwarded(judged, secure, body));
  }

  /** A backend gave no whole answer; the client has been told. */
  failed(error: UpstreamError): void {
    this.#options.onFailure(error);
  }

  /**
   * Forwards a request that was allowed or flagged.
   *
   * @param expectsContinue the client waits for `100 Continue`
   */
  forward(req: Request, res: Response, judged: Judged, expectsContinue: boolean): void {
    const group = this.groupFor(judged);
    if (group === null) {
      if (expectsContinue && !(isHttp2(req) && req.stream.closed)) writeInformation(res, 100, []);
      welcome(req, res);
      return;
    }
    const body = bodyOf(req, judged.request);
    const head = this.headFor(judged, isSecure(req), body);
    new Exchange({
      req,
      res,
      method: judged.request.method,
      head,
      body,
      expectsContinue,
      group,
      onFailure: this.#options.onFailure,
      counters: this.#options.counters,
    }).start();
  }

  /** Forwards a WebSocket handshake. */
  upgrade(req: IncomingMessage, socket: Socket, rest: Buffer, judged: Judged): void {
    const group = this.groupFor(judged);
    if (group === null) {
      socket.end('HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    const { address } = group.pick(null, null).pool;
    const head = forwardedHead({ ...this.#forwarded(judged, isSecure(req), 'none'), upgrade: true });
    this.#upgrader.carry(req, socket, rest, address, judged.verdict.path, head);
  }

  /** Ends idle connections; busy ones end with their exchange. */
  close(): void {
    for (const group of this.#groups) group.close();
  }

  /**
   * @param pools of this config so far, by `poolKey`: sites that mean the same connections have one pool
   * @param healths of this config so far, by site and `poolKey`
   */
  #group(
    { name }: Site,
    { backends, balance, health, pool }: BackendsRoute,
    pools: Map<string, Pool>,
    healths: Map<string, BackendHealth>,
  ): BackendGroup {
    const members = backends.map(({ address, weight }) => {
      const key = poolKey(address, pool);
      const known = pools.get(key) ?? new Pool(address, { ...this.#options.timeouts, ...pool });
      pools.set(key, known);
      const healthKey = `${name} ${key}`;
      const backend = new Backend(known, weight, healths.get(healthKey) ?? this.#healths.get(healthKey));
      healths.set(healthKey, backend.health);
      return backend;
    });
    const onChange = (backend: Backend, healthy: boolean, why: string) =>
      this.#options.onBackend(backend.pool.name, healthy, why);
    return new BackendGroup(members, { balance, health, onChange });
  }

  #forwarded(
    { request, verdict, client, peer }: Judged,
    secure: boolean,
    body: RequestBody,
  ): ForwardedRequest {
    return {
      method: request.method,
      version: request.version,
      rawHeaders: request.rawHeaders,
      path: verdict.path,
      host: verdict.host,
      trusted: client.trusted,
      peer,
      secure,
      strip: verdict.strip,
      chunked: body === 'chunked',
      closes: body !== 'none' && contentless.has(request.method),
      upgrade: false,
      via: this.#via,
    };
  }
}

const isSecure = (req: Request): boolean =>
  isHttp2(req) ? req.stream.session?.encrypted === true : 'encrypted' in req.socket;

/** The judge has let only unambiguous framing pass. */
function bodyOf(req: Request, { rawHeaders }: HttpRequest): RequestBody {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { length } = rawHeaders[i]!;
    if (length === 14 && rawHeaders[i]!.toLowerCase() === 'content-length') {
      return Number(rawHeaders[i + 1]) === 0 ? 'none' : 'length';
    }
    if (length === 17 && rawHeaders[i]!.toLowerCase() === 'transfer-encoding') return 'chunked';
  }
  // HTTP/2 frames a body without saying so in the head.
  return isHttp2(req) && !req.stream.endAfterHeaders ? 'chunked' : 'none';
}
