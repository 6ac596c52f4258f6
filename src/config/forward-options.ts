/** The options of the `forward` plugin → a forwarder's route, and how requests are read where no guard stands. */
import type { ForwarderOptions, Route } from '../forward/forwarder.ts';
import type { ClientRules } from '../guard/client.ts';
import { type Action, catalogue } from '../rules/catalogue.ts';
import { type Policy, ruleSettings, type Site } from '../rules/policy.ts';
import { SiteTable } from '../rules/site-table.ts';
import { compile } from './compile.ts';
import { ConfigError, type Fault } from './fault.ts';
import { canonicalHostText, parsePort } from './host-entry.ts';
import { optionFaults, readOptions } from './plugin-options.ts';
import { siteRoute } from './routes.ts';
import type { ConfigDocument } from './schema.ts';

type SiteDocument = ConfigDocument['sites'][number];

export interface ForwardSettings {
  /**
   * Where requests go: `http://HOST:PORT`, `https://HOST:PORT` or `unix:/path/to.sock`, without path and credentials.
   * Nothing else is ever dialled. Paths are passed on as they come, the prefix included.
   */
  readonly backend?: string;
  /** Several backends, in place of `backend`. */
  readonly backends?: SiteDocument['backends'];
  /** Which of several gets a request. @default 'round-robin' */
  readonly balance?: SiteDocument['balance'];
  /** Ask each backend at intervals whether it is well, as under `health` of the config. @default false */
  readonly health?: false | Partial<Exclude<SiteDocument['health'], false>>;
  /** Connections to one backend, as under `connections` of the config. */
  readonly connections?: Partial<SiteDocument['connections']>;
  /** How https backends are believed, as under `backendTls` of the config. */
  readonly backendTls?: Partial<SiteDocument['backendTls']>;
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
  readonly timeouts?: Partial<Omit<ConfigDocument['timeouts'], 'idle'>>;
  /** Send a Via line to backends (RFC 9110 section 7.6.3). @default false */
  readonly via?: boolean;
  /**
   * Peers whose X-Forwarded-* are kept and added to, where no `relayGuard` stands before: addresses or prefixes (CIDR).
   *
   * @default [] they are replaced
   */
  readonly trustedProxies?: readonly string[];
}

export interface CompiledForward {
  readonly route: Route;
  readonly forwarder: Pick<ForwarderOptions, 'timeouts' | 'upgradeIdle' | 'via'>;
  /** The Host to send; null: the one that was judged by. */
  readonly host: string | null;
  /** How requests are read where no guard stands: for one site, whatever host they name. */
  readonly alone: { readonly policy: Policy; readonly clients: ClientRules; readonly host: string };
}

const ofSite = [
  'backend',
  'backends',
  'balance',
  'health',
  'connections',
  'backendTls',
  'websocket',
] as const;
const ofConfig = ['timeouts', 'via', 'trustedProxies'] as const;

/** @throws {ConfigError} with every fault */
export function compileForward(options: ForwardSettings): CompiledForward {
  const faults = optionFaults('forward', options, [...ofSite, ...ofConfig, 'host']);
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
    forwarder: { timeouts: config.timeouts, upgradeIdle: config.timeouts.upgrade, via: config.via },
    host: options.host ?? null,
    alone: { policy: openPolicy(site!.websocket), clients: compile(config).clients, host },
  };
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
  if ('mend' in host) return { ...shown, message: host.message, mend: host.mend };
  return port === undefined || parsePort(port) !== undefined
    ? null
    : { ...shown, message: 'has no port behind its colon', mend: 'write a port from 1 to 65535' };
}
