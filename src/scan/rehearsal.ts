/** Replays the probes against a policy: which clients the gateway would have blocked or banned. */
import { clientPrefix } from '../address/ip.ts';
import type { PrefixSet } from '../address/prefix-set.ts';
import { specialRange } from '../address/special-ranges.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';
import type { RuleSettings } from '../rules/policy.ts';
import type { QuotedFinding } from './finding.ts';
import type { ClientTotals } from './log-scan.ts';

export interface RehearsalRules {
  readonly rules: RuleSettings;
  /** False: nobody is banned. */
  readonly bans: false | { readonly after: number; readonly within: number };
  readonly allowed: PrefixSet | null;
}

export interface RehearsedClient {
  readonly client: string;
  /** Requests other than probes. */
  readonly ordinary: number;
  readonly blocked: number;
  readonly flagged: number;
  /** ISO 8601; null if it would not have been banned. */
  readonly bannedAt: string | null;
  /** Why the client may be legitimate; empty if there is no sign of it. */
  readonly likely: string;
}

export interface Rehearsal {
  readonly blocked: number;
  readonly banned: number;
  /** Likely legitimate ones first. */
  readonly clients: readonly RehearsedClient[];
}

/** Most clients whose probes are counted. */
const limit = 200_000;

interface Seen {
  blocked: number;
  flagged: number;
  recent: number[];
  bannedAt: number | null;
}

export class RehearsalLedger {
  readonly #rules: RehearsalRules;
  readonly #clients = new Map<string, Seen>();
  #blocked = 0;

  constructor(rules: RehearsalRules) {
    this.#rules = rules;
  }

  add({ client, rule, time }: QuotedFinding): void {
    const action = this.#rules.rules[rule].action;
    if (action === 'allow') return;
    let seen = this.#clients.get(client);
    if (seen === undefined) {
      if (this.#clients.size >= limit) return;
      seen = { blocked: 0, flagged: 0, recent: [], bannedAt: null };
      this.#clients.set(client, seen);
    }
    if (action === 'flag') {
      seen.flagged++;
      return;
    }
    seen.blocked++;
    this.#blocked++;
    const { bans, allowed } = this.#rules;
    const row: Rule = catalogue[rule];
    if (bans === false || time === null || !row.bans || seen.bannedAt !== null) return;
    // A browser may have sent it, which a log line does not show.
    if (rule === 'host-foreign') return;
    if (allowed?.containsClient(client) === true) return;
    const at = Date.parse(time);
    seen.recent.push(at);
    while (seen.recent.length > 0 && seen.recent[0]! < at - bans.within) seen.recent.shift();
    if (seen.recent.length >= bans.after) seen.bannedAt = at;
  }

  /** @param ordinary each client's ordinary requests */
  result(ordinary: ReadonlyMap<string, ClientTotals>): Rehearsal {
    const clients = [...this.#clients].map(([client, seen]): RehearsedClient => {
      const totals = ordinary.get(client);
      return {
        client,
        ordinary: totals?.requests ?? 0,
        blocked: seen.blocked,
        flagged: seen.flagged,
        bannedAt: seen.bannedAt === null ? null : new Date(seen.bannedAt).toISOString(),
        likely: likelyLegitimate(client, totals, seen.blocked),
      };
    });
    clients.sort(
      (a, b) =>
        Number(b.likely !== '') - Number(a.likely !== '') || b.ordinary - a.ordinary || b.blocked - a.blocked,
    );
    return {
      blocked: this.#blocked,
      banned: clients.filter(({ bannedAt }) => bannedAt !== null).length,
      clients,
    };
  }
}

function likelyLegitimate(client: string, totals: ClientTotals | undefined, blocked: number): string {
  if (
    clientPrefix(client) !== null &&
    (specialRange(client) === 'private' || specialRange(client) === 'loopback')
  ) {
    return 'an address of your own network';
  }
  if (totals === undefined || totals.requests <= blocked) return '';
  if (totals.referred * 4 >= totals.requests && totals.requests >= 5)
    return 'follows links, as a browser does';
  return totals.requests >= 20 * blocked ? 'mostly ordinary requests' : '';
}
