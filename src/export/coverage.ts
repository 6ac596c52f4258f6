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

const titles = { all: 'Expressed', part: 'Expressed in part', none: 'Not expressed' } as const;

/**
 * The head comment, a line each.
 *
 * @param actions what the config does with each rule, on any site
 */
export function headComment(
  intro: readonly string[],
  coverages: Coverages,
  actions: (rule: RuleId) => Action,
): string {
  const lines = [...intro];
  const inForce = (rule: RuleId): boolean => actions(rule) === 'block';
  for (const extent of ['all', 'part', 'none'] as const) {
    const rules = ruleIds.filter((rule) => inForce(rule) && coverageOf(coverages, rule)[0] === extent);
    if (rules.length === 0) continue;
    lines.push('', `${titles[extent]}:`);
    for (const rule of rules) {
      const [, words] = coverageOf(coverages, rule);
      lines.push(words === undefined ? `  ${rule}` : `  ${rule}: ${words}`);
    }
  }
  const off = ruleIds.filter((rule) => !inForce(rule));
  if (off.length > 0) {
    lines.push('', 'Not blocked by this config, so not refused here:');
    for (const rule of off) lines.push(`  ${rule}: ${actions(rule)}`);
  }
  return lines.map((line) => `# ${line}`.trimEnd()).join('\n');
}
