/**
 * The catalogue of rules, one row per rule. The gateway, the plugin, the decoys, the mail guard, the log scanner and the
 * self-audit all use these ids.
 */
import { connectionRules } from './connection-rules.ts';
import { mailRules } from './mail-rules.ts';
import { requestRules } from './request-rules.ts';

/** What is done with a request in which a rule was seen. `allow`: it is not even recorded. */
export type Action = 'allow' | 'flag' | 'block';

/** What a blocked sender gets: a status (4xx or 5xx), or `drop`, the connection closed without a byte. */
export type Answer = number | 'drop';

export type RuleId = keyof typeof catalogue;

export interface Rule {
  /** What is seen, as half a sentence. */
  title: string;
  /** What the sender is after, as the second half of "The sender wanted …". */
  seeks: string;
  /** RFC section, CVE, tool. */
  reference: string;
  /** The action of preset `default`. */
  action: Action;
  /** The answer when blocked. */
  answer: Answer;
  /** The action of preset `lenient`, if it differs. */
  lenient?: Action;
  /** The action for doubtful sightings, which may be legitimate; under preset `strict` they are blocked. @default `action` */
  doubtful?: Action;
  /**
   * A request with this signal can be passed on without relaying: to our own backend, in origin
   * form, with a Host of our own. Preset `observe`, and a configured `flag` or `allow`, apply to these rules only.
   */
  forwardable: boolean;
  /** Counts towards a ban when blocked, unless a web page can make a browser send it. */
  bans: boolean;
  /** Counts when flagged too, except under preset `observe`. @default false */
  flagCounts?: boolean;
  /** A sentence for operators, in case the client is one of their own. */
  hint?: string;
}

/** In this order: of several signals with the same action, the first rule here names the verdict. */
export const catalogue = { ...connectionRules, ...requestRules, ...mailRules };

/** False for `client-banned`, which is about the client and not about a request: else banned clients would go on filling every table. */
export const isProbe = (rule: RuleId): boolean => rule !== 'client-banned';

/** Every rule id, in catalogue order. */
export const ruleIds = Object.keys(catalogue) as RuleId[];

const order = new Map(ruleIds.map((id, index) => [id, index]));

/** Catalogue order of two ids, for sorting signals. */
export const byCatalogueOrder = (a: RuleId, b: RuleId): number => order.get(a)! - order.get(b)!;

/** The named policies of `policy.preset`. */
export const presets = ['default', 'strict', 'lenient', 'observe'] as const;
export type Preset = (typeof presets)[number];

/**
 * The action of a rule under a preset.
 *
 * @param doubtful for a sighting that may be legitimate
 */
export function presetAction(preset: Preset, id: RuleId, doubtful = false): Action {
  const rule: Rule = catalogue[id];
  const action = (doubtful ? rule.doubtful : undefined) ?? rule.action;
  switch (preset) {
    case 'default':
      return action;
    case 'strict':
      return 'block';
    case 'lenient':
      return rule.lenient ?? action;
    case 'observe':
      return rule.forwardable ? 'flag' : action;
  }
}
