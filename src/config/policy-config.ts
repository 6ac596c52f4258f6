/** `policy` of a document → the settings that differ from its preset; those of a site are laid over the global ones. */
import type { RuleId } from '../rules/catalogue.ts';
import { httpMethods, registeredMethods } from '../wire/methods.ts';
import type { PolicyConfig, RuleConfig } from './config.ts';
import type { ConfigDocument } from './schema.ts';

export const policyConfig = ({ preset, methods, rules }: ConfigDocument['policy']): PolicyConfig => ({
  preset,
  methods: passingMethods(methods),
  rules: ruleConfigs(rules),
});

/** @param under the global policy */
export const sitePolicy = (
  over: ConfigDocument['sites'][number]['policy'],
  under: PolicyConfig,
): PolicyConfig => ({
  preset: over?.preset ?? under.preset,
  methods: over?.methods === undefined ? under.methods : passingMethods(over.methods),
  rules: mergeRules(under.rules, ruleConfigs(over?.rules ?? {})),
});

function passingMethods(names: readonly string[]): readonly string[] | null {
  const own = names.filter((name) => name !== registeredMethods && !httpMethods.has(name));
  if (!names.includes(registeredMethods)) return names;
  return own.length === 0 ? null : [...httpMethods, ...own];
}

function ruleConfigs(rules: Readonly<Record<string, unknown>>): PolicyConfig['rules'] {
  const entries = Object.entries(rules).filter(([, rule]) => rule !== undefined);
  return Object.fromEntries(
    entries.map(([id, rule]) => [id, typeof rule === 'string' ? { action: rule } : rule]),
  ) as PolicyConfig['rules'];
}

function mergeRules(under: PolicyConfig['rules'], over: PolicyConfig['rules']): PolicyConfig['rules'] {
  const merged: Partial<Record<RuleId, RuleConfig>> = { ...under };
  for (const [id, rule] of Object.entries(over) as [RuleId, RuleConfig][])
    merged[id] = { ...merged[id], ...rule };
  return merged;
}
