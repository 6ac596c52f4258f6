/** The options of the `relayGuard` plugin → the policy of the checkpoint. */
import type { ProbeEvent } from '../events/event.ts';
import type { ClientRules } from '../guard/client.ts';
import type { ShapeAnswer } from '../guard/shaped-answer.ts';
import {
  type Action,
  type Answer,
  catalogue,
  type Preset,
  type RuleId,
  ruleIds,
} from '../rules/catalogue.ts';
import type { Policy } from '../rules/policy.ts';
import { compile } from './compile.ts';
import type { Config } from './config.ts';
import { ConfigError, type Fault } from './fault.ts';
import { inheritedProxies } from './inherited-proxies.ts';
import { optionFaults, readOptions } from './plugin-options.ts';

/** Rules that may be set to let a request pass, since that relays for nobody. */
export type ForwardableRule = {
  [id in RuleId]: (typeof catalogue)[id]['forwardable'] extends true ? id : never;
}[RuleId];

/** What is done about one rule: an action alone, or an action and the answer to a blocked sender. */
export type RuleOption<A extends Action> = A | { readonly action?: A; readonly answer?: Answer };

export interface RelayGuardSettings {
  /**
   * The hosts that are yours: `www.example.net`, `*.example.net` for every name below it, an IPv4 or a bracketed IPv6
   * address; optionally with `:port` or `:*`, if clients may name a port other than 80, 443 and the one the app
   * listens on. The first one names the site in events. A request for any other host is refused.
   */
  readonly hosts: readonly string[];
  /**
   * Peers whose X-Forwarded-For and -Host are believed: addresses or prefixes (CIDR). `'inherit'` takes over Fastify's
   * own `trustProxy`: a list, or a function of the address. `true` and a number of hops name no peer and are refused, since
   * any client could pass for any other. Hazard of leaving it out behind a proxy: all clients count as one, and are banned and
   * limited together.
   *
   * @default [] no peer is believed
   */
  readonly trustedProxies?: readonly string[] | 'inherit';
  /** Clients that are never banned: addresses or prefixes (CIDR). Their requests are judged like any other. @default [] */
  readonly allow?: readonly string[];
  /**
   * The app speaks WebSocket. If false, an upgrade to it is flagged like any other. Either way the app handles it:
   * without a listener for `upgrade` it is an ordinary request.
   *
   * @default true
   */
  readonly websocket?: boolean;
  /** What is done about each rule. */
  readonly policy?: {
    /**
     * The starting point. `strict` blocks what `default` flags; `lenient` flags headers that old clients send by mistake;
     * `observe` blocks nothing that can be served without relaying.
     *
     * @default 'default'
     */
    readonly preset?: Preset;
    /**
     * The methods that pass: `registered` for all of the IANA registry and a few more, and names in capitals. Node's parser
     * itself refuses about half of them.
     *
     * @default ['registered']
     */
    readonly methods?: readonly string[];
    /** Rules that differ from the preset. Rules about tunnels, framing and other protocols can only be blocked. */
    readonly rules?: {
      readonly [id in RuleId]?: RuleOption<id extends ForwardableRule ? Action : 'block'>;
    };
  };
  /**
   * Returns the body of a refusal: a text, or `{ type, body }`, at most 64 KiB. Status and headers stay, and so do the answers to
   * tunnels, upgrades and bytes that are not HTTP. If it throws, `onError` gets the error and the default body is sent.
   *
   * @default the name of the rule, as text
   */
  readonly answer?: ShapeAnswer;
  /** Gets every request that was flagged or blocked. Called while the request is served, so it must not block. */
  readonly onProbe?: (event: ProbeEvent) => void;
  /** Gets errors thrown inside a check or inside `onProbe`; the request is denied. @default logged by the app */
  readonly onError?: (error: unknown) => void;
}

/** @internal */
export interface CompiledGuard {
  readonly policy: Policy;
  readonly clients: ClientRules;
  /** The policy of exempt routes: the same with every forwardable rule allowed. */
  readonly exempt: Policy;
  /** Adds a port that the app listens on: requests may name it. */
  readonly addPort: (port: number) => void;
  /** The options as a config. */
  readonly config: Config;
}

/** With `'inherit'` resolved. */
type ReadSettings = Omit<RelayGuardSettings, 'trustedProxies'> & {
  readonly trustedProxies: readonly string[] | undefined;
};

const known = ['hosts', 'trustedProxies', 'allow', 'websocket', 'policy'] as const;

/**
 * @internal
 * @param trustProxy the option of the app, for `trustedProxies: 'inherit'`
 * @throws {ConfigError} with every fault
 */
export function compileGuard(settings: RelayGuardSettings, trustProxy?: unknown): CompiledGuard {
  const faults = optionFaults('relayGuard', settings, known, ['answer', 'onProbe', 'onError']);
  const inherited =
    settings.trustedProxies === 'inherit' ? inheritedProxies(trustProxy, faults) : settings.trustedProxies;
  const asked = inherited !== undefined && 'contains' in inherited ? inherited : null;
  const options = { ...settings, trustedProxies: asked === null ? (inherited as readonly string[]) : [] };
  const rules = options.policy?.rules;
  const forwardable = ruleIds.filter((id) => catalogue[id].forwardable);
  const lenient = { ...rules, ...Object.fromEntries(forwardable.map((id) => [id, 'allow'])) };
  const compiled = read(options, rules, faults);
  const exempt = read(options, lenient, []);
  if (compiled === null || exempt === null || faults.length > 0) throw new ConfigError(faults, 'relayGuard');
  const ports = new Set(compiled.policy.ports);
  ports.delete(0);
  return {
    policy: { ...compiled.policy, ports },
    clients: asked === null ? compiled.clients : { ...compiled.clients, trustedProxies: asked },
    exempt: { ...exempt.policy, ports },
    addPort: (port) => {
      ports.add(port);
      for (const { sites } of [compiled.policy, exempt.policy]) sites.addUsualPort(port);
    },
    config: compiled.config,
  };
}

function read(options: ReadSettings, rules: object | undefined, faults: Fault[]) {
  const { hosts, trustedProxies, allow, websocket = true, policy } = options;
  const config = readOptions(
    { hosts, websocket, backend: 'welcome' },
    {
      trustedProxies,
      policy: typeof policy === 'object' || policy === undefined ? { ...policy, rules } : policy,
      bans: { allow },
    },
    faults,
  );
  return config && { ...compile(config), config };
}
