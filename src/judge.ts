/**
 * The one place where it is decided: facts + policy + standing of the client → verdict. Pure and total. Every other
 * part of the house acts on what is returned here and decides nothing.
 */
import {
  type Action,
  type Answer,
  byCatalogueOrder,
  catalogue,
  type Rule,
  type RuleId,
} from './rules/catalogue.ts';
import { examineHttp, type Found, type Standing, stranger } from './rules/http.ts';
import type { Wanted } from './rules/intent.ts';
import type { Policy, Site } from './rules/policy.ts';
import type { FirstBytes } from './wire/first-bytes.ts';
import { type HeaderFacts, headerFacts } from './wire/header-facts.ts';
import type { HttpRequest } from './wire/http-request.ts';
import { httpMethods } from './wire/methods.ts';

/** A rule seen, with what the policy does about it. */
export interface Signal extends Found {
  readonly action: Action;
}

export interface Verdict {
  readonly action: Action;
  /** The site it is for; null where it is for none of ours. */
  readonly site: Site | null;
  /** The target to forward, origin-form (or `*`); empty when blocked. */
  readonly path: string;
  /** The Host to send with it; empty when blocked. */
  readonly host: string;
  /** Names the verdict; null where nothing was seen. */
  readonly rule: RuleId | null;
  /** Strongest action first, then catalogue order. */
  readonly signals: readonly Signal[];
  /** Null unless blocked. */
  readonly answer: Answer | null;
  /** What the sender wanted to reach; null where nothing was seen. */
  readonly wanted: Wanted | null;
  /** Even indexes into rawHeaders that may not be forwarded. */
  readonly strip: readonly number[];
  /** A WebSocket handshake that the site carries. */
  readonly upgrade: boolean;
}

const noSignals: readonly Signal[] = Object.freeze([]);
const noStrip: readonly number[] = Object.freeze([]);

/** Anything in a target that a closer look is needed for: invisible bytes, a fragment, a URL, a proxy target. */
const oddTarget = /[^\x21-\x7e]|#|\||:\/|^\/[/\\]/;

/** Judges one HTTP request. Allocates one HeaderFacts and one Verdict for an ordinary one. */
export function judge(request: HttpRequest, policy: Policy, client: Standing = stranger): Verdict {
  const facts = headerFacts(request.rawHeaders);
  // The common case, decided without parsing: HTTP/1.1, origin-form, one Host spelled as we spell it, nothing odd.
  if (
    facts.seen === 0 &&
    facts.secondHost === -1 &&
    facts.host !== -1 &&
    request.version === '1.1' &&
    request.defects === undefined &&
    !client.banned &&
    request.target.charCodeAt(0) === 0x2f &&
    !oddTarget.test(request.target) &&
    request.method !== 'CONNECT' &&
    request.method !== 'TRACE' &&
    httpMethods.has(request.method)
  ) {
    const host = request.rawHeaders[facts.host + 1]!;
    const site = policy.sites.findVerbatim(host);
    if (site !== undefined) return pass(site, request.target, host, noStrip, false, noSignals, null);
  }
  return judgeClosely(request, facts, policy, client);
}

function judgeClosely(request: HttpRequest, facts: HeaderFacts, policy: Policy, client: Standing): Verdict {
  const { found, site, path, host, wanted, strip, upgrade } = examineHttp(request, facts, policy, client);
  const rules = (site ?? policy).rules;
  const signals = found
    .map((one): Signal => ({ ...one, action: rules[one.rule].action }))
    .filter((signal) => signal.action !== 'allow')
    .sort((a, b) => strength[a.action] - strength[b.action] || byCatalogueOrder(a.rule, b.rule));
  const first = signals[0];
  const known = first === undefined ? null : (wanted ?? { host: '', port: null, path: request.target });
  if (first?.action === 'block') return block(site, signals, rules[first.rule].answer, known!);
  const to = site ?? policy.defaultSite;
  return pass(to, path, host || to.name, strip, upgrade, signals, known);
}

const strength: Record<Action, number> = { block: 0, flag: 1, allow: 2 };

/** Judges a connection whose first bytes speak another protocol; null where they are HTTP/1, or nothing known. */
export function judgeFirstBytes(protocol: FirstBytes, policy: Policy): Verdict | null {
  const rule = firstBytesRule[protocol];
  if (rule === undefined) return null;
  const signal: Signal = {
    rule,
    action: 'block',
    what: `the connection begins with ${(catalogue[rule] as Rule).title}`,
    evidence: { part: 'bytes', start: 0, end: 2 },
  };
  return block(null, [signal], policy.rules[rule].answer, { host: '', port: null, path: '' });
}

const firstBytesRule: { readonly [protocol in FirstBytes]?: RuleId } = {
  socks4: 'socks4',
  socks5: 'socks5',
  tls: 'tls-on-plaintext',
  smtp: 'smtp-on-http',
  'proxy-v1': 'proxy-protocol',
  'proxy-v2': 'proxy-protocol',
  'h2-preface': 'h2-preface',
};

/** The verdict on a request whose check failed: what cannot be judged does not pass. */
export function denied(policy: Policy): Verdict {
  const signal: Signal = {
    rule: 'framing',
    action: 'block',
    what: 'the request could not be judged',
    evidence: { part: 'bytes', start: 0, end: 0 },
  };
  return block(null, [signal], policy.rules.framing.answer, { host: '', port: null, path: '' });
}

function pass(
  site: Site,
  path: string,
  host: string,
  strip: readonly number[],
  upgrade: boolean,
  signals: readonly Signal[],
  wanted: Wanted | null,
): Verdict {
  const first = signals[0];
  return {
    action: first === undefined ? 'allow' : first.action,
    site,
    path,
    host,
    rule: first === undefined ? null : first.rule,
    signals,
    answer: null,
    wanted,
    strip,
    upgrade,
  };
}

function block(site: Site | null, signals: readonly Signal[], answer: Answer, wanted: Wanted): Verdict {
  return {
    action: 'block',
    site,
    path: '',
    host: '',
    rule: signals[0]!.rule,
    signals,
    answer,
    wanted,
    strip: noStrip,
    upgrade: false,
  };
}
