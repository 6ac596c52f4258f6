import type { Action, RuleId } from '../rules/catalogue.ts';
import type { Check } from './check.ts';
import type { Coverages } from './coverage.ts';

/** The policy, in the form that every target is written from. */
export interface Source {
  readonly checks: readonly Check[];
  /** The strictest action of any site. */
  readonly action: (rule: RuleId) => Action;
  /** The first host of the first site, which also serves requests without a host. */
  readonly defaultHost: string;
  /** TLS ports of `listen`; 443 if there are none. */
  readonly tlsPorts: readonly number[];
  /** Times in seconds, canonical prefixes; null: bans are off. */
  readonly bans: {
    readonly after: number;
    readonly within: number;
    readonly for: readonly number[];
    readonly allow: readonly string[];
  } | null;
}

/** One file of a target. */
export interface Part {
  /** Its name for `--part`. */
  readonly name: string;
  /** The file it usually goes to; null: it is a piece of a file. */
  readonly path: string | null;
  readonly text: string;
}

export interface Target {
  readonly coverages: Coverages;
  /** The first part is printed without `--part`. */
  parts(source: Source): readonly [Part, ...Part[]];
}
