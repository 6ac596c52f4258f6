import type { Action, RuleId } from '../rules/catalogue.ts';
import type { Check } from './check.ts';
import type { Coverages } from './coverage.ts';

/** What is exported, whatever the target. */
export interface Source {
  readonly checks: readonly Check[];
  /** The strictest action of any site. */
  readonly action: (rule: RuleId) => Action;
  /** The first host of the first site, which also serves requests that name none. */
  readonly defaultHost: string;
  /** Ports of TLS: those of `listen`, or 443. */
  readonly tlsPorts: readonly number[];
  /** Null: bans are off. Seconds, and canonical prefixes. */
  readonly bans: {
    readonly after: number;
    readonly within: number;
    readonly for: readonly number[];
    readonly allow: readonly string[];
  } | null;
}

/** One file of a target. */
export interface Part {
  /** Where it belongs, as `--part` calls it. */
  readonly name: string;
  /** The file that it usually is; null where it is a piece of a file. */
  readonly path: string | null;
  readonly text: string;
}

export interface Target {
  readonly coverages: Coverages;
  /** The first is what is printed without `--part`. */
  parts(source: Source): readonly [Part, ...Part[]];
}
