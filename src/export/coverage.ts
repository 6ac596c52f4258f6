/** What a target expresses of the policy, and what it does not: told at the head of what is printed. */
import type { Action } from '../rules/catalogue.ts';
import { type RuleId, ruleIds } from '../rules/catalogue.ts';

/** Rules that are seen in HTTP, or in bytes sent in its place. */
export type HttpRuleId = Exclude<RuleId, `smtp-${string}`> | 'smtp-on-http';

/**
 * - `all`: whatever the gateway blocks by this rule is refused;
 * - `part`: much of it; the words say what is let through;
 * - `none`: the words say why.
 */
export type Coverage = readonly [extent: 'all' | 'part' | 'none', words?: string];

export type Coverages = Readonly<Record<HttpRuleId, Coverage>>;

/** What is neither of HTTP nor in the reach of a web server's configuration. */
const mail: Coverage = ['none', 'a rule of mail'];

export const coverageOf = (coverages: Coverages, rule: RuleId): Coverage =>
  coverages[rule as HttpRuleId] ?? mail;

/** A rule that the config blocks, and what there is to say about it. */
export interface ToldRule {
  readonly rule: RuleId;
  readonly why?: string;
}

/** Every rule of the catalogue, once. */
export interface Extent {
  readonly all: readonly ToldRule[];
  readonly part: readonly ToldRule[];
  readonly none: readonly ToldRule[];
  /** Rules that the config does not block, so that nothing refuses by them. */
  readonly off: readonly { readonly rule: RuleId; readonly action: Action }[];
}

/** @param actions what the config does with each rule, on any site */
export function extentOf(coverages: Coverages, actions: (rule: RuleId) => Action): Extent {
  const inForce = (rule: RuleId): boolean => actions(rule) === 'block';
  const told = (wanted: Coverage[0]): ToldRule[] =>
    ruleIds.flatMap((rule) => {
      const [extent, why] = coverageOf(coverages, rule);
      if (!inForce(rule) || extent !== wanted) return [];
      return [why === undefined ? { rule } : { rule, why }];
    });
  return {
    all: told('all'),
    part: told('part'),
    none: told('none'),
    off: ruleIds.filter((rule) => !inForce(rule)).map((rule) => ({ rule, action: actions(rule) })),
  };
}

const titles = { all: 'Expressed', part: 'Expressed in part', none: 'Not expressed' } as const;

/** The head comment, a line each. */
export function headComment(
  intro: readonly string[],
  coverages: Coverages,
  actions: (rule: RuleId) => Action,
): string {
  const lines = [...intro];
  const extents = extentOf(coverages, actions);
  for (const extent of ['all', 'part', 'none'] as const) {
    if (extents[extent].length === 0) continue;
    lines.push('', `${titles[extent]}:`);
    for (const { rule, why } of extents[extent])
      lines.push(why === undefined ? `  ${rule}` : `  ${rule}: ${why}`);
  }
  if (extents.off.length > 0) {
    lines.push('', 'Not blocked by this config, so not refused here:');
    for (const { rule, action } of extents.off) lines.push(`  ${rule}: ${action}`);
  }
  return lines.map((line) => `# ${line}`.trimEnd()).join('\n');
}
