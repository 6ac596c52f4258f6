/** What the judge decides by: sites and rule settings, compiled once from the config. */

import { httpMethods } from '../wire/methods.ts';
import { type Action, type Answer, type RuleId, ruleIds } from './catalogue.ts';
import type { SiteTable } from './site-table.ts';

export interface RuleSetting {
  readonly action: Action;
  readonly answer: Answer;
  /** The action for what may be meant well. @default as `action` */
  readonly doubtful?: Action;
  /** What counts although it is only flagged may do so: not by preset `observe`, which turns nobody away. @default false */
  readonly flagCounts?: boolean;
}

export type RuleSettings = Readonly<Record<RuleId, RuleSetting>>;

/** What the judge needs to know of a site. Its backends are the forwarder's affair. */
export interface Site {
  /** The first host name; names the site in events and metrics, and is the Host sent where the client gave none. */
  readonly name: string;
  /** Carries WebSocket upgrades. */
  readonly websocket: boolean;
  /** Any port of its hosts is one we serve. */
  readonly anyPort: boolean;
  /** Bytes of the body of a request. @default as many as come */
  readonly maxBody?: number;
  /** The methods that pass. @default all that are registered */
  readonly methods?: ReadonlySet<string>;
  readonly rules: RuleSettings;
}

export interface Policy {
  readonly sites: SiteTable;
  /** Where a request goes that names no host, or that preset `observe` lets pass. */
  readonly defaultSite: Site;
  /** Ports by which a target or a Host line may name us: 80, 443, those of the listeners and of host entries. */
  readonly ports: ReadonlySet<number>;
  /** Whoever serves the requests reads `//a` as `/a`. @default false */
  readonly mergesSlashes?: boolean;
  /** For requests that are for none of our sites. */
  readonly rules: RuleSettings;
  /** As of a site. */
  readonly methods?: ReadonlySet<string>;
}

export const methodsOf = ({ methods = httpMethods }: Site | Policy): ReadonlySet<string> => methods;

/** One setting a rule, from a function of the id. */
export const ruleSettings = (setting: (id: RuleId) => RuleSetting): RuleSettings =>
  Object.fromEntries(ruleIds.map((id) => [id, setting(id)])) as Record<RuleId, RuleSetting>;
