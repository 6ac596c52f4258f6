/** What the findings come to: a sentence, and an exit code. It does not say "does not relay" where that could not be told. */
import { specialRange } from '../address/special-ranges.ts';
import type { Finding, Result } from './finding.ts';

/** What is no finding, and bears on what the findings mean. */
export interface Remarks {
  /** Ports that could not be tried, or not to the end, each with its reason. */
  readonly untold: readonly string[];
  /** Ports that were slow, each with its mend. */
  readonly slow: readonly string[];
  /** Why the canary goes unheard at ports that a server may choose by itself. */
  readonly deaf: readonly string[];
  /** Paths and parameters that fetch have been tried. */
  readonly paths: boolean;
}

export const exitCodes = { doesNotRelay: 0, relays: 1, usage: 2, untold: 3 } as const;

const count = (findings: readonly Finding[], result: Result): number =>
  findings.filter((finding) => finding.result === result).length;

export function exitCode(findings: readonly Finding[], { untold }: Remarks): number {
  if (count(findings, 'relays') > 0) return exitCodes.relays;
  if (findings.length === 0 || count(findings, 'unclear') > 0 || untold.length > 0) return exitCodes.untold;
  return exitCodes.doesNotRelay;
}

/** One line: whether it relays, or that it could not be told. */
export function verdictLine(target: string, findings: readonly Finding[], { untold }: Remarks): string {
  const unclear = count(findings, 'unclear');
  const all = `${findings.length} ${findings.length === 1 ? 'technique' : 'techniques'}`;
  const rest = [
    `${count(findings, 'refuses')} refused`,
    `${count(findings, 'answers-itself')} answered from its own`,
  ].join(', ');
  const alsoUnclear = unclear > 0 ? `, ${unclear} unclear` : '';
  const relays = count(findings, 'relays');
  if (relays > 0) {
    return `${target} RELAYS: ${relays} of ${all} went through (${rulesOf(findings, 'relays')}); ${rest}${alsoUnclear}.`;
  }
  if (findings.length === 0) {
    return `${target}: could not be told, nothing could be tried${untold.length > 0 ? `: ${untold.join('; ')}` : ''}.`;
  }
  if (unclear > 0) {
    return `${target}: could not be told. Nothing is proven, and ${unclear} of ${all} ${unclear === 1 ? 'is' : 'are'} unclear (${rulesOf(findings, 'unclear')}); ${rest}.`;
  }
  if (untold.length > 0) {
    return `${target}: could not be told of all of it. None of ${all} went through, but ${untold.join('; ')}.`;
  }
  return `${target} does not relay: none of ${all} went through; ${rest}.`;
}

/** Lines behind the verdict: what limits it. */
export function limits(findings: readonly Finding[], { slow, deaf, untold, paths }: Remarks): string[] {
  const unclear = count(findings, 'unclear') > 0;
  const web = findings.some(({ rule }) => !rule.startsWith('smtp'));
  const told = count(findings, 'relays') > 0 ? untold : [];
  const trusted = findings.some(
    ({ result, address }) => result === 'relays' && specialRange(address) === 'loopback',
  );
  return [
    ...(trusted ? ['Asked from this machine itself, which many servers trust: ask from outside too.'] : []),
    ...[...told, ...slow].map((text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`),
    ...(unclear && deaf.length > 0
      ? [
          `The canary cannot listen on ${deaf.join(', ')}: a server that chooses such a port by itself goes unheard. Audit as root, or from a machine where they are free.`,
        ]
      : []),
    ...(web && !paths
      ? ['Pages that fetch by a path or a parameter (/proxy?url=…) were not tried: add --paths.']
      : []),
  ];
}

const rulesOf = (findings: readonly Finding[], result: Result): string =>
  [...new Set(findings.filter((finding) => finding.result === result).map(({ rule }) => rule))].join(', ');
