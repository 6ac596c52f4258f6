/** How much of the policy a target expresses; printed as a comment at the top of each export. */
import type { Action } from '../rules/catalogue.ts';
import { type RuleId, ruleIds } from '../rules/catalogue.ts';

/** Rules about HTTP requests, or about bytes sent instead of one. */
export type HttpRuleId = Exclude<RuleId, `smtp-${string}`> | 'smtp-on-http';

/**
 * - `all`: everything that the gateway blocks by this rule is refused;
 * - `part`: most of it; the text says what passes;
 * - `none`: the text says why.
 */
export type Coverage = readonly [extent: 'all' | 'part' | 'none', text?: string];

export type Coverages = Readonly<Record<HttpRuleId, Coverage>>;

/** Mail rules, which the configuration of a web server can't express. */
const mail: Coverage = ['none', 'a mail rule'];

/** Flagged by decoded targets, which no regular expression can decode. */
export const targetFlags = {
  'path-proxy': ['none', 'flagged and passed on by its decoded target, which takes a parser'],
  'url-in-path': ['none', 'takes a parser to tell such a path from an ordinary one'],
} as const satisfies Partial<Coverages>;

/** What most web servers express; a target adds the rules that differ. @param http2 the part of the server that speaks HTTP/2 */
export function webServerCoverages(server: string, http2: string) {
  const itself: Coverage = refusedBy(server);
  const leftToHttp2: Coverage = ['none', `left to ${http2}`];
  return {
    socks4: itself,
    socks5: itself,
    'tls-on-plaintext': itself,
    'smtp-on-http': itself,
    'proxy-protocol': itself,
    'not-http': itself,
    connect: ['all'],
    'extended-connect': leftToHttp2,
    'absolute-form-scheme': ['all'],
    'absolute-form-userinfo': ['all'],
    'absolute-form-foreign': ['all'],
    'absolute-form-port': ['all'],
    'method-unknown': ['all'],
    'header-overflow': itself,
    'target-malformed': ['all'],
    'host-duplicate': ['all'],
    'host-malformed': ['all'],
    'host-missing': ['all'],
    'host-foreign': ['all'],
    'host-port': ['all'],
    'authority-mismatch': leftToHttp2,
    trace: ['all'],
    'proxy-authorization': ['all'],
    'proxy-connection': ['all'],
    'connection-strips': ['all'],
    'upgrade-unknown': ['all'],
    ...targetFlags,
  } as const satisfies Partial<Coverages>;
}

/** Refused before any configured check, with the server's own answer. */
export const refusedBy = (server: string): Coverage => ['all', `by ${server} itself, with its own answer`];

/** Apache and nginx match the value of a header, not whether it is there. */
export const nonEmptyHeader: Coverage = ['part', 'an empty header is not seen'];

export const coverageOf = (coverages: Coverages, rule: RuleId): Coverage =>
  coverages[rule as HttpRuleId] ?? mail;

/** A rule that the config blocks, and the remark about it. */
export interface BlockedRule {
  readonly rule: RuleId;
  readonly why?: string;
}

/** Every rule of the catalogue, once. */
export interface Extent {
  readonly all: readonly BlockedRule[];
  readonly part: readonly BlockedRule[];
  readonly none: readonly BlockedRule[];
  /** Rules that the config does not block, so the export does not refuse by them. */
  readonly off: readonly { readonly rule: RuleId; readonly action: Action }[];
}

/** @param actions the strictest action of each rule on any site */
export function extentOf(coverages: Coverages, actions: (rule: RuleId) => Action): Extent {
  const inForce = (rule: RuleId): boolean => actions(rule) === 'block';
  const blocked = (wanted: Coverage[0]): BlockedRule[] =>
    ruleIds.flatMap((rule) => {
      const [extent, why] = coverageOf(coverages, rule);
      if (!inForce(rule) || extent !== wanted) return [];
      return [why === undefined ? { rule } : { rule, why }];
    });
  return {
    all: blocked('all'),
    part: blocked('part'),
    none: blocked('none'),
    off: ruleIds.filter((rule) => !inForce(rule)).map((rule) => ({ rule, action: actions(rule) })),
  };
}

const titles = { all: 'Expressed', part: 'Expressed in part', none: 'Not expressed' } as const;

/** The comment at the top of an export. */
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
