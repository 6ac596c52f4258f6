/** The verdict: a sentence and an exit code. Inconclusive results never read "does not relay". */
import { specialRange } from '../address/special-ranges.ts';
import { commandWords } from '../words/commands.ts';
import type { Language } from '../words/language.ts';
import type { Finding, Result } from './finding.ts';

/** Remarks that limit what the findings prove. */
export interface Remarks {
  /** Ports not tried, or only in part, each with the reason. */
  readonly untested: readonly string[];
  /** Slow ports, each with the fix. */
  readonly slow: readonly string[];
  /** Ports that a server may choose on its own but the canary cannot listen on, each with the reason. */
  readonly unheardPorts: readonly string[];
  /** Techniques that put the URL in a path or a parameter were tried. */
  readonly paths: boolean;
}

export const exitCodes = { doesNotRelay: 0, relays: 1, usage: 2, inconclusive: 3 } as const;

const count = (findings: readonly Finding[], result: Result): number =>
  findings.filter((finding) => finding.result === result).length;

export function exitCode(findings: readonly Finding[], { untested }: Remarks): number {
  if (count(findings, 'relays') > 0) return exitCodes.relays;
  if (findings.length === 0 || count(findings, 'unclear') > 0 || untested.length > 0)
    return exitCodes.inconclusive;
  return exitCodes.doesNotRelay;
}

/** One line: whether the server relays, or that the audit is inconclusive. */
export function verdictLine(
  target: string,
  findings: readonly Finding[],
  { untested }: Remarks,
  language: Language = 'en',
): string {
  const { audit: words } = commandWords[language];
  const [all, relays, unclear] = [findings.length, count(findings, 'relays'), count(findings, 'unclear')];
  const rest = (unclear: number): string =>
    words.rest(count(findings, 'refuses'), count(findings, 'answers-itself'), unclear);
  if (relays > 0) return words.relays(target, relays, all, rulesOf(findings, 'relays'), rest(unclear));
  if (all === 0) return words.nothing(target, untested.join('; '));
  if (unclear > 0) return words.unclear(target, unclear, all, rulesOf(findings, 'unclear'), rest(0));
  return untested.length > 0
    ? words.partly(target, all, untested.join('; '))
    : words.safe(target, all, rest(0));
}

/** Lines after the verdict: what limits it. */
export function limits(
  findings: readonly Finding[],
  { slow, unheardPorts, untested, paths }: Remarks,
  language: Language = 'en',
): string[] {
  const { audit: words } = commandWords[language];
  const unclear = count(findings, 'unclear') > 0;
  const web = findings.some(({ rule }) => !rule.startsWith('smtp'));
  const reasons = count(findings, 'relays') > 0 ? untested : [];
  const trusted = findings.some(
    ({ result, address }) => result === 'relays' && specialRange(address) === 'loopback',
  );
  return [
    ...(trusted ? [words.fromHere] : []),
    ...[...reasons, ...slow].map((text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`),
    ...(unclear && unheardPorts.length > 0 ? [words.deaf(unheardPorts.join(', '))] : []),
    ...(web && !paths ? [words.noPaths] : []),
  ];
}

const rulesOf = (findings: readonly Finding[], result: Result): string =>
  [...new Set(findings.filter((finding) => finding.result === result).map(({ rule }) => rule))].join(', ');
