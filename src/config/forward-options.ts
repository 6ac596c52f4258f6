/** The options of the `forward` plugin → the route of a forwarder, and the policy for requests without a guard. */
import { METHODS } from 'node:http';
import type { preHandlerHookHandler, preValidationHookHandler } from 'fastify';
import type { BalancePolicy } from '../forward/balance.ts';
import type { ForwarderOptions, Route } from '../forward/forwarder.ts';
import type { ReplyOptions } from '../forward/reply-side.ts';
import { withPrefix } from '../forward/rewritten-request.ts';
import type { ClientRules } from '../guard/client.ts';
import { type Action, catalogue } from '../rules/catalogue.ts';
import { type Policy, ruleSettings, type Site } from '../rules/policy.ts';
import { SiteTable } from '../rules/site-table.ts';
import { compile } from './compile.ts';
import { ConfigError, type Fault } from './fault.ts';
import { canonicalHostText, parsePort } from './host-entry.ts';
import { optionFaults, readOptions } from './plugin-options.ts';
import { siteRoute } from './routes.ts';

export interface ForwardSettings {
  /**
   * The server that requests go to: `http://HOST:PORT`, `https://HOST:PORT`, `unix:/path/to.sock`, or over HTTP/2 (gRPC) `h2c://HOST:PORT` and
   * `h2://HOST:PORT` (TLS); without path and credentials.
   * Nothing else is ever dialled. Paths are passed on unchanged, prefix included.
   */
  readonly backend?: string;
  /** Several backends, in place of `backend`. */
  readonly backends?: readonly { readonly url: string; readonly weight?: number }[];
  /** Which of several gets a request. @default 'round-robin' */
  readonly balance?: BalancePolicy;
  /** The key that the cookies of `balance: 'cookie'` are made with: 16 characters or more. @default one is made at start, and clients are spread again after a restart */
  readonly cookieSecret?: string;
  /** Health checks at intervals, as `health` of the config. @default false */
  readonly health?:
    | false
    | {
        /** The path that is requested, with `host` as Host; a status below 400 is healthy. @default '/' */
        readonly path?: string;
        /** Time between two checks. @default '10s' */
        readonly interval?: string;
        /** Time for an answer. @default '2s' */
        readonly timeout?: string;
        /** Good answers in a row until an ejected backend gets requests again. @default 2 */
        readonly rise?: number;
        /** Bad answers in a row until the backend is ejected. @default 3 */
        readonly fall?: number;
      };
  /** Connections to one backend, as under `connections` of the config. */
  readonly connections?: {
    /** Maximum at a time; over HTTP/2, of requests. @default 512 */
    readonly max?: number;
    /** Maximum of requests that wait for a connection; further ones get 503 with Retry-After. @default 1024 */
    readonly queue?: number;
    /** How long a request may wait for a connection; then 503. @default '10s' */
    readonly wait?: string;
    /** How long an idle connection is kept. Hazard: if the backend closes idle connections sooner, requests are written into connections that are closing. @default '4s' */
    readonly idle?: string;
  };
  /** How the certificates of https backends are checked, as `backendTls` of the config. */
  readonly backendTls?: {
    /** PEM file of the authorities to trust. @default those of the system */
    readonly ca?: string;
    /** The name in the certificate. @default the host of the URL */
    readonly servername?: string;
    /** Accept only a valid certificate. Hazard of false: anyone on the network path can read and change everything. @default true */
    readonly verify?: boolean;
    /** PEM file of a certificate to show to backends that ask for one (mTLS). @default none */
    readonly cert?: string;
    /** PEM file of its key. */
    readonly key?: string;
  };
  /**
   * The Host that the backend gets, optionally with a port.
   *
   * @default with `relayGuard`, the Host that it judged; else host and port of the (first) backend
   */
  readonly host?: string;
  /**
   * Carry WebSocket upgrades below the prefix. Hazard: after the upgrade, bytes are passed on unread both ways.
   *
   * @default false
   */
  readonly websocket?: boolean;
  /** Times such as `5s`, as under `timeouts` of the config: `connect`, `headers`, `body`, `upgrade`. */
  readonly timeouts?: {
    /** To connect to a backend. @default '5s' */
    readonly connect?: string;
    /** Until the head of the response. @default '60s' */
    readonly headers?: string;
    /** Without a byte of a body. @default '60s' */
    readonly body?: string;
    /** Without a byte either way on an upgraded connection. @default '5m' */
    readonly upgrade?: string;
  };
  /** Send a Via line to backends (RFC 9110 section 7.6.3). @default false */
  readonly via?: boolean;
  /**
   * Peers whose X-Forwarded-* are kept and extended, without `relayGuard`: addresses or prefixes (CIDR).
   *
   * @default [] they are replaced
   */
  readonly trustedProxies?: readonly string[];
  /** Replaces the prefix for the backend: with `prefix: '/shop'` and `'/v2'` it gets `/v2/a` for `/shop/a`. @default the prefix stays */
  readonly rewritePrefix?: string;
  /** Methods that are forwarded; the app handles others, with 404 if it has no route. @default every one that Node knows */
  readonly methods?: readonly string[];
  /** Hooks of the routes; they run after those of the app. */
  readonly preValidation?: preValidationHookHandler | preValidationHookHandler[];
  /** The same for the `preHandler` step. */
  readonly preHandler?: preHandlerHookHandler | preHandlerHookHandler[];
  /** Hooks that change headers or answer in place of the backend. */
  readonly replyOptions?: ReplyOptions;
  /**
   * Retry a request once if the backend closed a reused connection without a byte of a response; idempotent methods
   * only (RFC 9110 section 9.2.2). A request of which nothing was sent is always tried on another backend.
   *
   * @default true
   */
  readonly retry?: boolean;
  /** `false`: adds no routes; routes of the app call `reply.forward()`. @default true */
  readonly routes?: boolean;
}

/** @internal */
export interface CompiledForward {
  readonly route: Route;
  readonly forwarder: Pick<ForwarderOptions, 'timeouts' | 'upgradeIdle' | 'via' | 'resend'>;
  /** The path that the backend gets; a status if the path is refused. */
  readonly rewrite: (path: string) => string | 400 | 404;
  /** The Host to send; null: the one that was judged. */
  readonly host: string | null;
  /** The policy for requests without a guard: one site for any host. */
  readonly alone: { readonly policy: Policy; readonly clients: ClientRules; readonly host: string };
}

const ofSite = [
  'backend',
  'backends',
  'balance',
  'cookieSecret',
  'health',
  'connections',
  'backendTls',
  'websocket',
] as const;
const ofConfig = ['timeouts', 'via', 'trustedProxies'] as const;

const ofPlugin = [
  'host',
  'rewritePrefix',
  'methods',
  'replyOptions',
  'retry',
  'routes',
  'preHandler',
  'preValidation',
] as const;
const ofReply = ['rewriteRequestHeaders', 'rewriteHeaders', 'onResponse', 'onError'];

/**
 * @internal
 * @param prefix the prefix of the routes
 * @throws {ConfigError} with every fault
 */
export function compileForward(options: ForwardSettings, prefix: string): CompiledForward {
  const faults = optionFaults('forward', options, [...ofSite, ...ofConfig, ...ofPlugin]);
  faults.push(...pluginFaults(options, prefix));
  const hostFault = faultOfHost(options.host);
  if (hostFault !== null) faults.push(hostFault);
  const pick = (keys: readonly (keyof ForwardSettings)[]): object =>
    Object.fromEntries(keys.map((key) => [key, options[key]]));
  const config = readOptions(
    { ...pick(ofSite), hosts: ['localhost'] },
    { ...pick(ofConfig), bans: false },
    faults,
  );
  if (config === null || faults.length > 0) throw new ConfigError(faults, 'forward');
  const [site] = config.sites;
  const [backend] = site!.backends;
  const host =
    options.host ?? (backend!.kind === 'tcp' ? backend!.url.replace(/^\w+:\/\//, '') : 'localhost');
  return {
    route: siteRoute(site!),
    forwarder: {
      timeouts: config.timeouts,
      upgradeIdle: config.timeouts.upgrade,
      via: config.via,
      resend: options.retry ?? true,
    },
    rewrite:
      options.rewritePrefix === undefined
        ? (path) => path
        : (path) => withPrefix(path, prefix, options.rewritePrefix!),
    host: options.host ?? null,
    alone: { policy: openPolicy(site!.websocket), clients: compile(config).clients, host },
  };
}

function pluginFaults(options: ForwardSettings, prefix: string): Fault[] {
  const faults: Fault[] = [];
  const wrong = (path: string, message: string, fix: string) =>
    faults.push({ path, value: null, message, fix, line: null });
  const { rewritePrefix, methods, replyOptions = {}, retry, routes, preHandler, preValidation } = options;
  if (
    rewritePrefix !== undefined &&
    !(typeof rewritePrefix === 'string' && /^(?:\/[\x21-\x22\x24-\x3e\x40-\x7e]*)?$/.test(rewritePrefix))
  )
    wrong('rewritePrefix', 'is not a path', 'write one that begins with /, or an empty text');
  else if (rewritePrefix !== undefined && /[:*(]/.test(prefix))
    wrong(
      'rewritePrefix',
      'has a prefix with parameters to replace',
      'use reply.forward() with routes: false',
    );
  if (
    methods !== undefined &&
    !(Array.isArray(methods) && methods.length > 0 && methods.every((one) => METHODS.includes(one)))
  )
    wrong('methods', 'is not a list of methods', "write them in upper case, such as ['GET', 'POST']");
  for (const [name, value] of Object.entries({ retry, routes }))
    if (value !== undefined && typeof value !== 'boolean')
      wrong(name, 'is neither true nor false', 'write one of them');
  for (const [name, value] of Object.entries({ preHandler, preValidation }))
    if (![value ?? []].flat().every((one) => typeof one === 'function'))
      wrong(name, 'is not a function', 'pass one, or a list of them');
  if (typeof replyOptions !== 'object' || replyOptions === null)
    wrong('replyOptions', 'is not a map', 'write a map of functions');
  else
    faults.push(
      ...optionFaults('forward', replyOptions, [], ofReply).map((one) => ({
        ...one,
        path: `replyOptions.${one.path}`,
      })),
    );
  return faults;
}

/**
 * Allows everything that can be forwarded to the one backend without relaying. Tunnels, ambiguous framing and other protocols
 * stay blocked, with or without a guard.
 */
function openPolicy(websocket: boolean): Policy {
  const rules = ruleSettings((id) => {
    const action: Action = catalogue[id].forwardable ? 'allow' : 'block';
    return { action, answer: catalogue[id].answer };
  });
  const site: Site = { name: 'forward', websocket, anyPort: true, rules };
  return { sites: new EveryHost(site), defaultSite: site, ports: new Set(), rules };
}

/** Finds the one site for any host: the Host that is sent on is chosen here, so the one in the request need not be known. */
class EveryHost extends SiteTable {
  readonly #site: Site;

  constructor(site: Site) {
    super([]);
    this.#site = site;
  }

  override find(): Site {
    return this.#site;
  }

  override findVerbatim(): Site {
    return this.#site;
  }
}

function faultOfHost(value: unknown): Fault | null {
  if (value === undefined) return null;
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(String(value)) ?? [];
  const host = canonicalHostText(name);
  const shown = { path: 'host', value: String(value).slice(0, 100), line: null };
  if ('fix' in host) return { ...shown, message: host.message, fix: host.fix };
  return port === undefined || parsePort(port) !== undefined
    ? null
    : { ...shown, message: 'has no port after its colon', fix: 'write a port from 1 to 65535' };
}
