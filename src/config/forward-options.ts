/** The options of the `forward` plugin → a forwarder's route, and how requests are read where no guard stands. */
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
   * Where requests go: `http://HOST:PORT`, `https://HOST:PORT`, `unix:/path/to.sock`, or by HTTP/2 (gRPC) `h2c://HOST:PORT` and
   * `h2://HOST:PORT` (TLS); without path and credentials.
   * Nothing else is ever dialled. Paths are passed on as they come, the prefix included.
   */
  readonly backend?: string;
  /** Several backends, in place of `backend`. */
  readonly backends?: readonly { readonly url: string; readonly weight?: number }[];
  /** Which of several gets a request. @default 'round-robin' */
  readonly balance?: BalancePolicy;
  /** What the cookies of `balance: 'cookie'` are made with: 16 characters or more. @default one is made at start, and clients are spread anew after a restart */
  readonly cookieSecret?: string;
  /** Ask each backend at intervals whether it is well, as under `health` of the config. @default false */
  readonly health?:
    | false
    | {
        /** Asked for, with `host` as Host; an answer below 400 is a good one. @default '/' */
        readonly path?: string;
        /** Time between two checks. @default '10s' */
        readonly interval?: string;
        /** Time for an answer. @default '2s' */
        readonly timeout?: string;
        /** Good answers in a row until an ejected backend gets requests again. @default 2 */
        readonly rise?: number;
        /** Bad ones in a row until it is ejected. @default 3 */
        readonly fall?: number;
      };
  /** Connections to one backend, as under `connections` of the config. */
  readonly connections?: {
    /** Most at a time; by HTTP/2, most requests. @default 512 */
    readonly max?: number;
    /** Most requests that wait for one; what comes beyond gets 503 with Retry-After. @default 1024 */
    readonly queue?: number;
    /** How long a request may wait for one; then 503. @default '10s' */
    readonly wait?: string;
    /** How long an idle one is kept. Hazard: longer than the backend keeps it, and requests are written into one that closes. @default '4s' */
    readonly idle?: string;
  };
  /** How https backends are believed, as under `backendTls` of the config. */
  readonly backendTls?: {
    /** PEM file of the authorities to believe. @default those of the system */
    readonly ca?: string;
    /** The name in the certificate. @default the host of the URL */
    readonly servername?: string;
    /** Believe only a valid certificate. Hazard of false: whoever sits between can read and change everything. @default true */
    readonly verify?: boolean;
    /** PEM file of a certificate to show to backends that ask for one (mTLS). @default none */
    readonly cert?: string;
    /** PEM file of its key. */
    readonly key?: string;
  };
  /**
   * The Host that the backend gets, perhaps with a port.
   *
   * @default where `relayGuard` stands before: the Host it judged by; else host and port of the (first) backend
   */
  readonly host?: string;
  /**
   * Carry WebSocket upgrades below the prefix. Hazard: after the upgrade bytes are passed on unread, both ways.
   *
   * @default false
   */
  readonly websocket?: boolean;
  /** Times such as `5s`, as under `timeouts` of the config: `connect`, `headers`, `body`, `upgrade`. */
  readonly timeouts?: {
    /** To connect to a backend. @default '5s' */
    readonly connect?: string;
    /** Until the head of its answer. @default '60s' */
    readonly headers?: string;
    /** Between two pieces of a body. @default '60s' */
    readonly body?: string;
    /** That an upgraded connection may be silent both ways. @default '5m' */
    readonly upgrade?: string;
  };
  /** Send a Via line to backends (RFC 9110 section 7.6.3). @default false */
  readonly via?: boolean;
  /**
   * Peers whose X-Forwarded-* are kept and added to, where no `relayGuard` stands before: addresses or prefixes (CIDR).
   *
   * @default [] they are replaced
   */
  readonly trustedProxies?: readonly string[];
  /** Stands in place of the prefix in what the backend gets: with `prefix: '/shop'` and `'/v2'` it gets `/v2/a` for `/shop/a`. @default the prefix stays */
  readonly rewritePrefix?: string;
  /** Methods that are taken; others are the app's, and 404 without a route. @default every one that Node knows */
  readonly methods?: readonly string[];
  /** Hooks of the routes, behind those of the app. */
  readonly preValidation?: preValidationHookHandler | preValidationHookHandler[];
  /** The same, of the next step. */
  readonly preHandler?: preHandlerHookHandler | preHandlerHookHandler[];
  /** What is changed on the way, and who answers. */
  readonly replyOptions?: ReplyOptions;
  /**
   * Send a request once more where the backend closed a used connection without a byte of an answer; only methods that may be
   * repeated (RFC 9110 section 9.2.2). A request that has not left is sent to another backend either way.
   *
   * @default true
   */
  readonly retry?: boolean;
  /** `false`: takes nothing by itself; routes of the app call `reply.forward()`. @default true */
  readonly routes?: boolean;
}

/** @internal */
export interface CompiledForward {
  readonly route: Route;
  readonly forwarder: Pick<ForwarderOptions, 'timeouts' | 'upgradeIdle' | 'via' | 'resend'>;
  /** The path that the backend gets; a status where it gets none. */
  readonly rewrite: (path: string) => string | 400 | 404;
  /** The Host to send; null: the one that was judged by. */
  readonly host: string | null;
  /** How requests are read where no guard stands: for one site, whatever host they name. */
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
 * @param prefix of the routes
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
    wrong('rewritePrefix', 'is no path', 'write one that begins with /, or an empty text');
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
    wrong('methods', 'is no list of methods', "write them in upper case, such as ['GET', 'POST']");
  for (const [name, value] of Object.entries({ retry, routes }))
    if (value !== undefined && typeof value !== 'boolean')
      wrong(name, 'is neither true nor false', 'write one of them');
  for (const [name, value] of Object.entries({ preHandler, preValidation }))
    if (![value ?? []].flat().every((one) => typeof one === 'function'))
      wrong(name, 'is no function', 'pass one, or a list of them');
  if (typeof replyOptions !== 'object' || replyOptions === null)
    wrong('replyOptions', 'is no map', 'write a map of functions');
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
 * What can be forwarded to the one backend without relaying is; tunnels, ambiguous framing and other protocols are not,
 * guard or no guard.
 */
function openPolicy(websocket: boolean): Policy {
  const rules = ruleSettings((id) => {
    const action: Action = catalogue[id].forwardable ? 'allow' : 'block';
    return { action, answer: catalogue[id].answer };
  });
  const site: Site = { name: 'forward', websocket, anyPort: true, rules };
  return { sites: new EveryHost(site), defaultSite: site, ports: new Set(), rules };
}

/** The Host that goes out is of our choosing, so the one that comes in need not be known. */
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
    : { ...shown, message: 'has no port behind its colon', fix: 'write a port from 1 to 65535' };
}
