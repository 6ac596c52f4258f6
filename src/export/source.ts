import { compile } from '../config/compile.ts';
import type { Config } from '../config/config.ts';
import type { Action, RuleId } from '../rules/catalogue.ts';
import { policyChecks } from './policy-checks.ts';
import type { Source } from './target.ts';

const strictness: Readonly<Record<Action, number>> = { allow: 0, flag: 1, block: 2 };

/** Config → the source that every target is written from. */
export function exportSource(config: Config): Source {
  const compiled = compile(config);
  const everywhere = [compiled.policy.rules, ...[...compiled.sites.keys()].map(({ rules }) => rules)];
  const isOff = (rule: RuleId): boolean =>
    (rule === 'client-banned' && config.bans === false) ||
    (rule === 'rate-limited' && config.rateLimit === false);
  const ports = [...new Set(config.listen.filter(({ tls }) => tls !== null).map(({ port }) => port))];
  return {
    checks: policyChecks(config, compiled),
    action: (rule) =>
      isOff(rule)
        ? 'allow'
        : everywhere
            .map((rules) => rules[rule].action)
            .reduce((one, other) => (strictness[one] >= strictness[other] ? one : other)),
    defaultHost: compiled.policy.defaultSite.name,
    tlsPorts: ports.length === 0 ? [443] : ports,
    bans:
      config.bans === false
        ? null
        : {
            after: config.bans.after,
            within: Math.ceil(config.bans.within / 1000),
            for: config.bans.for.map((time) => Math.ceil(time / 1000)),
            allow: config.bans.allow,
          },
  };
}
