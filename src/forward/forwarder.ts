/** Sends judged requests to the backends of their site. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { hostname } from 'node:os';
import type { Counters } from '../events/counters.ts';
import type { Judged } from '../guard/checkpoint.ts';
import { isHttp2, type Request } from '../guard/received.ts';
import type { Site } from '../rules/policy.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { contentless } from '../wire/methods.ts';
import { Attempt, type AttemptWatch, type ClientSide } from './attempt.ts';
import { type BackendAddress, speaksHttp2 } from './backend.ts';
import { BackendCookie } from './backend-cookie.ts';
import { Backend, BackendGroup, type FieldChanges } from './backend-group.ts';
import type { BackendHealth } from './backend-health.ts';
import type { BalancePolicy } from './balance.ts';
import { type BackendPool, type PoolBounds, poolKey } from './bounded-pool.ts';
import { logsConnectionIn } from './connection-login.ts';
import { forwardedHead } from './forwarded-head.ts';
import type { HealthOptions } from './health-check.ts';
import { NodeHandshake } from './node-handshake.ts';
import { Pool } from './pool.ts';
import { StreamPool } from './stream-pool.ts';
import { allowedTrailers } from './trailers.ts';
import type { UpstreamError } from './upstream-error.ts';
import type { BodyFraming, UpstreamTimeouts } from './upstream-exchange.ts';

export interface ForwarderOptions {
  readonly timeouts: UpstreamTimeouts;
  /** Milliseconds an upgraded connection may be silent both ways. */
  readonly upgradeIdle: number;
  /** Send a Via line to backends. */
  readonly via: boolean;
  readonly onFailure: (error: UpstreamError) => void;
  /** Called when a backend is ejected (`healthy` is false) or gets requests again. */
  readonly onBackend: (name: string, healthy: boolean, why: string) => void;
  /** Retry an idempotent request that may have been acted on. @default true */
  readonly resend?: boolean;
  /** Counts failures and how long backends take. */
  readonly counters?: Counters | undefined;
}

/** Where the requests of a site go: to its backends, or to the built-in welcome page. */
export type Route = 'welcome' | BackendsRoute;

export interface BackendsRoute {
  readonly backends: readonly { readonly address: BackendAddress; readonly weight: number }[];
  readonly balance: BalancePolicy;
  readonly health: HealthOptions | null;
  readonly pool: PoolBounds;
  /** Edits to the fields of messages. @default none */
  readonly fields?: FieldChanges;
  /** With `balance: cookie`: the key of its cookies. */
  readonly cookieSecret?: string;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #groups = new Set<BackendGroup>();
  /** Of the current routes. */
  #healths: ReadonlyMap<string, BackendHealth> = new Map();
  readonly #watch: AttemptWatch;
  readonly #via: string | null;
  /** Weak: sites of an earlier config live as long as requests that were judged by it. */
  readonly #routes = new WeakMap<Site, 'welcome' | BackendGroup>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#via = options.via ? hostname() : null;
    this.#watch = {
      onFailure: options.onFailure,
      counters: options.counters,
      resend: options.resend ?? true,
    };
  }

  /**
   * Sets where requests of these sites go from now on. Connections of earlier routes drain; the health of a backend is kept.
   */
  route(routes: Iterable<readonly [Site, Route]>): void {
    const earlier = [...this.#groups];
    this.#groups.clear();
    const pools = new Map<string, BackendPool>();
    const healths = new Map<string, BackendHealth>();
    for (const [site, route] of routes) {
      const target = route === 'welcome' ? route : this.#group(site, route, pools, healths);
      this.#routes.set(site, target);
      if (target !== 'welcome') this.#groups.add(target);
    }
    this.#healths = healths;
    for (const group of earlier) group.close();
  }

  /** The backends of every site. */
  get backends(): readonly Backend[] {
    return [...this.#groups].flatMap((group) => group.backends);
  }

  #groupOf(judged: Judged): BackendGroup {
    const group = this.groupFor(judged);
    if (group === null) throw new TypeError('a site without a backend');
    return group;
  }

  /** The backends for a request; null where the gateway itself answers it. */
  groupFor({ verdict }: Judged): BackendGroup | null {
    const route = this.#routes.get(verdict.site!);
    if (route === undefined) throw new TypeError('a verdict of a site without a route');
    return route === 'welcome' ? null : route;
  }

  /**
   * Prepares to send a request that was allowed or flagged; `start` sends it.
   *
   * @param group from `groupFor`
   * @param secure the client speaks TLS
   * @param body the body so far; null where the request has none
   * @param upgrade it is a WebSocket handshake
   */
  attempt(
    group: BackendGroup,
    judged: Judged,
    secure: boolean,
    body: IncomingBody | null,
    upgrade: boolean,
    client: ClientSide,
  ): Attempt {
    const { request, verdict, peer } = judged;
    const framing: BodyFraming = body === null ? 'none' : body.length === -1 ? 'chunked' : 'length';
    const { cookie } = group;
    const {
      backend: sticky,
      rawHeaders,
      strip,
    } = cookie?.takeFrom(request.rawHeaders, verdict.strip) ?? {
      backend: null,
      rawHeaders: request.rawHeaders,
      strip: verdict.strip,
    };
    const head = forwardedHead({
      method: request.method,
      version: request.version,
      rawHeaders,
      path: verdict.path,
      host: verdict.host,
      trusted: judged.client.trusted,
      peer,
      client: judged.client.address,
      secure,
      certificate: judged.certificate,
      strip,
      length: body === null ? null : body.length,
      closes: body !== null && contentless.has(request.method),
      upgrade,
      via: this.#via,
      edits: group.fields.request,
    });
    const outgoing = {
      method: request.method,
      framing,
      head,
      body: body?.content ?? null,
      trailers: body?.whole === true ? allowedTrailers(body.trailers) : [],
      ended: body === null || body.whole,
      upgrade,
      login: logsConnectionIn(request.rawHeaders),
      address: judged.client.address,
      secure,
      sticky,
    };
    return new Attempt(this.#watch, group, outgoing, client);
  }

  /** Forwards a WebSocket handshake received by a Node server. @param rest bytes that arrived after it */
  upgrade(req: IncomingMessage, socket: Socket, rest: Buffer, judged: Judged): void {
    const handshake = new NodeHandshake(socket, rest, judged.request.method, this.#options.upgradeIdle);
    handshake.begin(this.attempt(this.#groupOf(judged), judged, isSecure(req), null, true, handshake));
  }

  /** Closes idle connections now and busy ones after their exchange. */
  close(): void {
    for (const group of this.#groups) group.close();
  }

  /**
   * @param pools of this config so far, by `poolKey`: sites with equal connections share a pool
   * @param healths of this config so far, by site and `poolKey`
   */
  #group(
    { name }: Site,
    { backends, balance, health, pool, fields, cookieSecret }: BackendsRoute,
    pools: Map<string, BackendPool>,
    healths: Map<string, BackendHealth>,
  ): BackendGroup {
    const members = backends.map(({ address, weight }) => {
      const key = poolKey(address, pool);
      const options = { ...this.#options.timeouts, ...pool };
      const known =
        pools.get(key) ??
        (speaksHttp2(address) ? new StreamPool(address, options) : new Pool(address, options));
      pools.set(key, known);
      const healthKey = `${name} ${key}`;
      const backend = new Backend(known, weight, healths.get(healthKey) ?? this.#healths.get(healthKey));
      healths.set(healthKey, backend.health);
      return backend;
    });
    const onChange = (backend: Backend, healthy: boolean, why: string) =>
      this.#options.onBackend(backend.pool.name, healthy, why);
    const cookie = balance === 'cookie' ? new BackendCookie(cookieSecret ?? '', name, members) : undefined;
    return new BackendGroup(members, { balance, health, fields, cookie, onChange });
  }
}

/** A request body so far. */
export interface IncomingBody {
  /** Bytes, or latin1. */
  readonly content: Buffer | string;
  /** It is complete. */
  readonly whole: boolean;
  /** Length of the complete body; -1: not known, so it is sent chunked. */
  readonly length: number;
  /** name, value, name, value …; of a complete body that is sent chunked. */
  readonly trailers: readonly string[];
}

/** Whether the client speaks TLS. An injected request has no connection. */
export const isSecure = (req: Request): boolean =>
  isHttp2(req) ? req.stream.session?.encrypted === true : req.socket != null && 'encrypted' in req.socket;

/** Bytes of the body, -1 where it is chunked, null where there is none. The judge has refused ambiguous framing. */
export function lengthOf(req: Request, { rawHeaders }: HttpRequest): number | null {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { length } = rawHeaders[i]!;
    if (length === 14 && rawHeaders[i]!.toLowerCase() === 'content-length')
      return Number(rawHeaders[i + 1]) || null;
    if (length === 17 && rawHeaders[i]!.toLowerCase() === 'transfer-encoding') return -1;
  }
  // An HTTP/2 head does not announce a body.
  return isHttp2(req) && !req.stream.endAfterHeaders ? -1 : null;
}
