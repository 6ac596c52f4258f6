/**
 * The one place that decides: facts + policy + status of the client → verdict. Pure and total. All other code acts on
 * the verdict and decides nothing.
 */
import { plural } from './plural.ts';
import {
  type Action,
  type Answer,
  byCatalogueOrder,
  catalogue,
  type Rule,
  type RuleId,
} from './rules/catalogue.ts';
import { foreignWanted } from './rules/foreign-wanted.ts';
import { examineHttp } from './rules/http.ts';
import { nothingWanted, type Wanted } from './rules/intent.ts';
import { mayNameTarget } from './rules/path-proxy.ts';
import { methodsOf, type Policy, type RuleSettings, type Site } from './rules/policy.ts';
import { isOwnName, wantedByName } from './rules/server-name.ts';
import { type ClientStatus, type Found, stranger } from './rules/sightings.ts';
import { helloName } from './wire/client-hello.ts';
import { classifyFirstBytes, type FirstBytes } from './wire/first-bytes.ts';
import { type HeaderFacts, headerFacts } from './wire/header-facts.ts';
import type { HttpRequest } from './wire/http-request.ts';
import { parseSocks4, parseSocks5Greeting, parseSocks5Request } from './wire/socks.ts';
import { isStun } from './wire/stun.ts';

/** A rule that was seen, with its action under the policy. */
export interface Signal extends Found {
  readonly action: Action;
  /** Counts towards a ban: blocked, or flagged by a rule that counts flags too. */
  readonly counts: boolean;
}

export interface Verdict {
  readonly action: Action;
  /** The site that the request is for; null if it is for none of ours. */
  readonly site: Site | null;
  /** The target to forward, origin-form (or `*`); empty when blocked. */
  readonly path: string;
  /** The Host to forward; empty when blocked. */
  readonly host: string;
  /** The rule that names the verdict; null if no rule was seen. */
  readonly rule: RuleId | null;
  /** Strongest action first, then catalogue order. */
  readonly signals: readonly Signal[];
  /** Null unless blocked. */
  readonly answer: Answer | null;
  /** What the sender wanted to reach; null if no rule was seen. */
  readonly wanted: Wanted | null;
  /** Even indexes into rawHeaders of fields that must not be forwarded. */
  readonly strip: readonly number[];
  /** A WebSocket handshake for a site that carries WebSocket. */
  readonly upgrade: boolean;
}

const noSignals: readonly Signal[] = Object.freeze([]);
const noStrip: readonly number[] = Object.freeze([]);

/** Targets that need a closer look, besides those that may name a host: invisible bytes, a fragment. */
const oddTarget = /[^\x21-\x7e]|#/;

/** Judges one HTTP request. Allocates one HeaderFacts and one Verdict for an ordinary one. */
export function judge(request: HttpRequest, policy: Policy, client: ClientStatus = stranger): Verdict {
  // Requests of banned clients are not examined, so that they cost nothing.
  if (client.banned) return banned(policy);
  const facts = headerFacts(request.rawHeaders);
  // The common case, decided without parsing: origin-form, one Host in our own spelling, nothing odd.
  const host = facts.seen === 0 ? plainHost(request, facts) : null;
  if (
    host !== null &&
    request.defects === undefined &&
    request.sni === undefined &&
    request.target.charCodeAt(0) === 0x2f &&
    !oddTarget.test(request.target) &&
    !mayNameTarget(request.target) &&
    request.method !== 'CONNECT' &&
    request.method !== 'TRACE'
  ) {
    const site = policy.sites.findVerbatim(host);
    if (site !== undefined && methodsOf(site).has(request.method))
      return pass(site, request.target, host, noStrip, false, noSignals, null);
  }
  return judgeClosely(request, facts, policy, client);
}

/**
 * The host of an HTTP/1.1 request with one Host line, or of an HTTP/2 request with an :authority and neither Host nor
 * Transfer-Encoding (RFC 9113 section 8.2.2); else null.
 */
function plainHost(
  { version, rawHeaders, h2 }: HttpRequest,
  { host, secondHost, transferEncoding }: HeaderFacts,
): string | null {
  if (h2 === undefined)
    return version === '1.1' && host !== -1 && secondHost === -1 ? rawHeaders[host + 1]! : null;
  if (host !== -1 || transferEncoding !== -1) return null;
  return h2.scheme === 'https' || h2.scheme === 'http' ? h2.authority : null;
}

function judgeClosely(
  request: HttpRequest,
  facts: HeaderFacts,
  policy: Policy,
  client: ClientStatus,
): Verdict {
  const { found, site, path, host, wanted, strip, upgrade } = examineHttp(request, facts, policy, client);
  const rules = (site ?? policy).rules;
  const signals = found
    .map((one): Signal => {
      const { action, doubtful = action, flagCounts } = rules[one.rule];
      return signalOf(one, one.doubtful === true ? doubtful : action, flagCounts);
    })
    .filter((signal) => signal.action !== 'allow')
    .sort((a, b) => strength[a.action] - strength[b.action] || byCatalogueOrder(a.rule, b.rule));
  const first = signals[0];
  const known = first === undefined ? null : (wanted ?? { ...nothingWanted, path: request.target });
  if (first?.action === 'block') return block(site, signals, rules[first.rule].answer, known!);
  const to = site ?? policy.defaultSite;
  return pass(to, path, host || to.name, strip, upgrade, signals, known);
}

const signalOf = (found: Found, action: Action, flagCounts = false): Signal => ({
  ...found,
  action,
  counts:
    (action === 'block' || (flagCounts && action === 'flag')) &&
    (catalogue[found.rule] as Rule).bans &&
    found.unmeant !== true,
});

const strength: Record<Action, number> = { block: 0, flag: 1, allow: 2 };

/** Judges a connection whose first bytes speak another protocol; null if they are HTTP/1, or too few or unknown text. */
export function judgeFirstBytes(bytes: Uint8Array, policy: Policy): Verdict | null {
  const protocol = classifyFirstBytes(bytes);
  const rule = firstBytesRule[protocol];
  if (rule === undefined) return judgeForeign(bytes, policy);
  const what = `the connection begins with ${(catalogue[rule] as Rule).title}`;
  const signal = signalOf({ rule, what, evidence: { part: 'bytes', start: 0, end: 2 } }, 'block');
  return block(null, [signal], policy.rules[rule].answer, wantedOf(protocol, bytes));
}

/** The end of the part that is marked: of a line of text, or of two bytes. */
function greetingEnd(bytes: Uint8Array): number {
  const end = bytes.findIndex((byte) => byte < 0x20 || byte > 0x7e);
  const isLine = end > 2 && (bytes[end] === 0x0d || bytes[end] === 0x0a);
  return isLine ? Math.min(end, 200) : 2;
}

/** STUN does not count: a web page can make a browser send it to any port, as a WebRTC candidate. */
function judgeForeign(bytes: Uint8Array, policy: Policy): Verdict | null {
  const foreign = foreignWanted(bytes);
  if (foreign === null) return null;
  const { name, reference } = foreign.protocol;
  const what =
    name === 'unknown'
      ? 'the connection begins with bytes of no known protocol'
      : `the connection begins with ${name} (${reference})`;
  const found: Found = {
    rule: 'not-http',
    what,
    evidence: { part: 'bytes', start: 0, end: greetingEnd(bytes) },
    unmeant: isStun(bytes),
  };
  return block(null, [signalOf(found, 'block')], policy.rules['not-http'].answer, foreign.wanted);
}

/**
 * The verdict on a TLS hello that no request followed; null if its name is ours, or the rule is allowed. Never more
 * than a flag, and it never counts: a page can make a browser ask for any name whose address is ours.
 */
export function judgeServerName(name: string, policy: Policy): Verdict | null {
  if (policy.rules['sni-foreign'].action === 'allow' || isOwnName(policy.sites, name)) return null;
  const what = `the TLS hello asked for ${name}, and no request came`;
  const found: Found = { rule: 'sni-foreign', what, evidence: { part: 'bytes', start: 0, end: 0 } };
  return {
    ...block(null, [signalOf(found, 'flag')], 'drop', wantedByName(name)),
    action: 'flag',
    answer: null,
  };
}

/** The destination of a SOCKS request, if these bytes hold it already; or the name in a TLS hello. */
function wantedOf(protocol: FirstBytes, bytes: Uint8Array): Wanted {
  const name = protocol === 'tls' ? helloName(bytes) : null;
  if (name !== null) return wantedByName(name);
  if (protocol === 'smtp') return { ...nothingWanted, protocol: 'SMTP' };
  const request =
    protocol === 'socks4'
      ? parseSocks4(bytes)
      : protocol === 'socks5'
        ? parseSocks5Request(bytes.subarray(parseSocks5Greeting(bytes)?.length))
        : null;
  if (request === null || request.host === '') return nothingWanted;
  return {
    host: request.host.toLowerCase(),
    port: request.port,
    path: '',
    text: `${request.host}:${request.port}`,
    ...(socksCommand[request.command] !== undefined && { protocol: socksCommand[request.command]! }),
  };
}

/** SOCKS requests other than CONNECT (RFC 1928 section 4). */
const socksCommand: Readonly<Record<string, string>> = {
  bind: 'SOCKS BIND',
  associate: 'SOCKS UDP ASSOCIATE',
};

const firstBytesRule: { readonly [protocol in FirstBytes]?: RuleId } = {
  socks4: 'socks4',
  socks5: 'socks5',
  tls: 'tls-on-plaintext',
  smtp: 'smtp-on-http',
  'proxy-v1': 'proxy-protocol',
  'proxy-v2': 'proxy-protocol',
  'h2-preface': 'h2-preface',
};

/** The verdict on a request over the limit. The rate limiter counts, and calls this. */
export const overLimit = (site: Site, max: number): Verdict =>
  unseen(site, 'rate-limited', `more than ${plural(max, 'request')} in the window`, site.rules);

/** The verdict on anything that a banned client sends, or has yet to send. */
export const banned = (policy: Policy): Verdict =>
  unseen(null, 'client-banned', 'the client is banned', policy.rules);

/** The verdict on a request whose check threw an error: a request that can't be judged does not pass. */
export const denied = (policy: Policy): Verdict =>
  unseen(null, 'framing', 'the request could not be judged', policy.rules);

/** A block for a reason that is not in the bytes. */
function unseen(site: Site | null, rule: RuleId, what: string, rules: RuleSettings): Verdict {
  const signal = signalOf({ rule, what, evidence: { part: 'bytes', start: 0, end: 0 } }, 'block');
  return block(site, [signal], rules[rule].answer, nothingWanted);
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
