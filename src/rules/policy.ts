/** The input of the judge besides the request: sites and rule settings, compiled once from the config. */

import { httpMethods } from '../wire/methods.ts';
import { type Action, type Answer, type RuleId, ruleIds } from './catalogue.ts';
import type { SiteTable } from './site-table.ts';

export interface RuleSetting {
  readonly action: Action;
  readonly answer: Answer;
  /** The action for doubtful sightings, which may be legitimate. @default as `action` */
  readonly doubtful?: Action;
  /** A flag of this rule counts towards a ban. Not under preset `observe`, which bans nobody. @default false */
  readonly flagCounts?: boolean;
}

export type RuleSettings = Readonly<Record<RuleId, RuleSetting>>;

/** A site as the judge sees it. Its backends are known to the forwarder only. */
export interface Site {
  /** The first host name. It names the site in events and metrics, and is the Host forwarded if the client sent none. */
  readonly name: string;
  /** Carries WebSocket upgrades. */
  readonly websocket: boolean;
  /** Every port of its hosts is served. */
  readonly anyPort: boolean;
  /** Maximum bytes of a request body. @default no limit */
  readonly maxBody?: number;
  /** The methods that pass. @default all registered ones */
  readonly methods?: ReadonlySet<string>;
  readonly rules: RuleSettings;
}

export interface Policy {
  readonly sites: SiteTable;
  /** The site for requests that name no host, and for those that preset `observe` lets pass. */
  readonly defaultSite: Site;
  /** Ports that a target or a Host line may name: 80, 443, those of the listeners and of host entries. */
  readonly ports: ReadonlySet<number>;
  /** The server behind reads `//a` as `/a`. @default false */
  readonly mergesSlashes?: boolean;
  /** For requests to none of our sites. */
  readonly rules: RuleSettings;
  /** The methods that pass without a site. @default all registered ones */
  readonly methods?: ReadonlySet<string>;
}

export const methodsOf = ({ methods = httpMethods }: Site | Policy): ReadonlySet<string> => methods;

/** The settings of all rules, from a function of the id. */
export const ruleSettings = (setting: (id: RuleId) => RuleSetting): RuleSettings =>
  Object.fromEntries(ruleIds.map((id) => [id, setting(id)])) as Record<RuleId, RuleSetting>;
