/** What the findings come to: a sentence, and an exit code. It does not say "does not relay" where that could not be told. */
import { specialRange } from '../address/special-ranges.ts';
import { commandWords } from '../words/commands.ts';
import type { Language } from '../words/language.ts';
import type { Finding, Result } from './finding.ts';

/** What is no finding, and bears on what the findings mean. */
export interface Remarks {
  /** Ports that could not be tried, or not to the end, each with its reason. */
  readonly untold: readonly string[];
  /** Ports that were slow, each with its fix. */
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
export function verdictLine(
  target: string,
  findings: readonly Finding[],
  { untold }: Remarks,
  language: Language = 'en',
): string {
  const { audit: words } = commandWords[language];
  const [all, relays, unclear] = [findings.length, count(findings, 'relays'), count(findings, 'unclear')];
  const rest = (untoldOf: number): string =>
    words.rest(count(findings, 'refuses'), count(findings, 'answers-itself'), untoldOf);
  if (relays > 0) return words.relays(target, relays, all, rulesOf(findings, 'relays'), rest(unclear));
  if (all === 0) return words.nothing(target, untold.join('; '));
  if (unclear > 0) return words.unclear(target, unclear, all, rulesOf(findings, 'unclear'), rest(0));
  return untold.length > 0 ? words.partly(target, all, untold.join('; ')) : words.safe(target, all, rest(0));
}

/** Lines behind the verdict: what limits it. */
export function limits(
  findings: readonly Finding[],
  { slow, deaf, untold, paths }: Remarks,
  language: Language = 'en',
): string[] {
  const { audit: words } = commandWords[language];
  const unclear = count(findings, 'unclear') > 0;
  const web = findings.some(({ rule }) => !rule.startsWith('smtp'));
  const told = count(findings, 'relays') > 0 ? untold : [];
  const trusted = findings.some(
    ({ result, address }) => result === 'relays' && specialRange(address) === 'loopback',
  );
  return [
    ...(trusted ? [words.fromHere] : []),
    ...[...told, ...slow].map((text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`),
    ...(unclear && deaf.length > 0 ? [words.deaf(deaf.join(', '))] : []),
    ...(web && !paths ? [words.noPaths] : []),
  ];
}

const rulesOf = (findings: readonly Finding[], result: Result): string =>
  [...new Set(findings.filter((finding) => finding.result === result).map(({ rule }) => rule))].join(', ');
