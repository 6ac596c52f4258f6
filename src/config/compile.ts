/** Config → the tables that the request path uses, so that nothing is parsed per request. */
import { parsePrefix } from '../address/ip.ts';
import { PrefixSet } from '../address/prefix-set.ts';
import { decoyPolicy } from '../decoys/decoy-policy.ts';
import type { ClientRules } from '../guard/client.ts';
import { catalogue, presetAction, type Rule, type RuleId } from '../rules/catalogue.ts';
import { type Policy, type RuleSettings, ruleSettings, type Site } from '../rules/policy.ts';
import { type HostPattern, SiteTable } from '../rules/site-table.ts';
import { httpMethods } from '../wire/methods.ts';
import type { Config, PolicyConfig, SiteConfig } from './config.ts';

export interface Compiled {
  readonly policy: Policy;
  readonly clients: ClientRules;
  /** Compiled site → its config. */
  readonly sites: ReadonlyMap<Site, SiteConfig>;
}

/** Each site is found by each of its hosts; the first site is the default. */
export function compile(config: Config): Compiled {
  const listening = config.listen
    .map(({ port }) => port)
    .filter((port) => port !== 0 && port !== 80 && port !== 443);
  const ports = new Set([80, 443, ...listening]);
  const sites = new Map<Site, SiteConfig>();
  const patterns: HostPattern[] = [];
  for (const siteConfig of config.sites) {
    const site: Site = {
      name: siteConfig.hosts[0]!.host.replace(/^\*\./, ''),
      websocket: siteConfig.websocket,
      anyPort: siteConfig.hosts.some(({ port }) => port === 'any'),
      maxBody: siteConfig.maxBody ?? Number.POSITIVE_INFINITY,
      methods: methodSet(siteConfig.policy),
      rules: settings(siteConfig.policy, config),
    };
    sites.set(site, siteConfig);
    for (const { host, port } of siteConfig.hosts) {
      patterns.push({ host, site });
      if (typeof port === 'number') ports.add(port);
    }
  }
  const [defaultSite] = sites.keys();
  return {
    policy: {
      sites: new SiteTable(patterns, listening),
      defaultSite: defaultSite ?? decoyPolicy.defaultSite,
      ports,
      rules: settings(config.policy, config),
      methods: methodSet(config.policy),
    },
    clients: {
      trustedProxies: prefixSet(config.trustedProxies),
      allowed: PrefixSet.ofClients(config.bans === false ? [] : config.bans.allow),
    },
    sites,
  };
}

const methodSet = ({ methods }: PolicyConfig): ReadonlySet<string> =>
  methods === null ? httpMethods : new Set(methods);

function settings(policy: PolicyConfig, config: Config): RuleSettings {
  return ruleSettings((id: RuleId) => {
    const rule: Rule = catalogue[id];
    const own = policy.rules[id];
    const banAnswer = id === 'client-banned' && config.bans !== false ? config.bans.answer : undefined;
    return {
      action: own?.action ?? presetAction(policy.preset, id),
      doubtful: own?.action ?? presetAction(policy.preset, id, true),
      answer: own?.answer ?? banAnswer ?? rule.answer,
      flagCounts: rule.flagCounts === true && policy.preset !== 'observe',
    };
  });
}

const prefixSet = (prefixes: readonly string[]): PrefixSet =>
  new PrefixSet(prefixes.map((prefix) => parsePrefix(prefix)!));
