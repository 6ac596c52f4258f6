/**
 * What became of each probe. A status tells little: a server that ignores the authority of an absolute-form target
 * answers 200 with its own page. What tells is whether the answer could have come from here.
 */
import { specialRange } from '../address/special-ranges.ts';
import { plural } from '../plural.ts';
import type { Baseline } from './baseline.ts';
import { type ComparedAnswers, type Spread, siteOf } from './compared-answers.ts';
import type { Confidence, Outcome } from './finding.ts';
import type { LogEntry, RelayWord } from './log-entry.ts';
import { isDockerGateway, type MailFacts } from './mail-outcome.ts';
import { hostOf, type OwnNames } from './own-names.ts';
import { ownPage } from './own-pages.ts';
import { pathHash } from './page-sizes.ts';
import type { Probe } from './probe.ts';

export interface Judgement {
  readonly outcome: Outcome;
  readonly confidence: Confidence;
  readonly why: string;
}

/** What a log says beyond the line itself. */
export interface Context {
  readonly baseline: Baseline;
  readonly own: OwnNames;
  /** The answers of the other probes. */
  readonly others: ComparedAnswers;
  readonly mail: MailFacts;
  /** Other probes of the same log were relayed for all that can be told. */
  readonly relaysElsewhere: boolean;
}

const verdict = (outcome: Outcome, confidence: Confidence, why: string): Judgement => ({
  outcome,
  confidence,
  why,
});

/** Total. */
export function judgeOutcome(probe: Probe, context: Context): Judgement {
  const { entry } = probe.candidate;
  if (probe.technique === 'mail') return context.mail.judge(probe, context.own);
  if (entry.relay !== null) return proxyWord(entry, entry.relay, context);
  if (notHttp.has(probe.technique)) return otherProtocol(entry);
  if (entry.status === null)
    return verdict('unclear', 'low', 'The log holds no status, so nothing tells what was answered.');
  if (entry.status === 499) return verdict('unclear', 'low', '499: the client left before it got an answer.');
  if (entry.status >= 400) return error(probe, entry.status, context);
  if (probe.technique.startsWith('connect')) return connect(probe, entry.status, context);
  if (entry.status >= 300) return redirect(probe, entry.status, context);
  if (entry.status < 200) return verdict('unclear', 'low', `${entry.status} is no final answer.`);
  return success(probe, context);
}

/** What a forward proxy says of its own work. */
function proxyWord({ client }: LogEntry, { result, said }: RelayWord, context: Context): Judgement {
  if (result === 'backend') {
    if (context.relaysElsewhere && !said.includes('PARENT'))
      return verdict(
        'likely-relayed',
        'medium',
        `From the cache of a proxy that fetched foreign pages: ${said}.`,
      );
    return verdict(
      'unclear',
      'low',
      said.includes('PARENT')
        ? `Passed to a server of your own network, a web server or one more proxy: ${said}.`
        : `From the cache, and no line tells where it came from: ${said}.`,
    );
  }
  if (result !== 'refused' && isDockerGateway(client)) {
    return verdict(
      'unclear',
      'low',
      `Passed on, but for whom: ${client} looks like the gateway of a Docker bridge, under which every client from outside arrives (${said}).`,
    );
  }
  const outcome = result === 'relayed' ? 'likely-relayed' : result === 'failed' ? 'attempted' : 'refused';
  return verdict(outcome, 'high', `The log says so itself: ${said}.`);
}

const notHttp: ReadonlySet<string> = new Set([
  'socks4',
  'socks5',
  'tls',
  'smtp',
  'proxy-protocol',
  'h2-preface',
  'telnet',
]);

/** Bytes that a web server logged as a request line were not understood as the protocol they are. */
function otherProtocol({ status, bytes }: LogEntry): Judgement {
  if (status === null || status >= 400 || status < 200) {
    const what = status === null ? 'closed without an answer' : `answered ${status}`;
    return verdict('refused', 'high', `The bytes were read as a broken HTTP request and ${what}.`);
  }
  return verdict(
    'local',
    'medium',
    `The bytes were read as an old HTTP request and answered ${status}${bytes === null ? '' : ` with ${plural(bytes, 'byte')}`} of its own: that is no answer in the protocol asked for.`,
  );
}

function error(probe: Probe, status: number, context: Context): Judgement {
  const { candidate, wanted } = probe;
  const { baseline } = context;
  const { bytes } = candidate.entry;
  if (status === 502 || status === 503 || status === 504) {
    const upstream = upstreamWord(probe, context);
    if (upstream?.outcome === 'local') return upstream;
    const ordinary = baseline.statuses.count(status);
    return verdict(
      'attempted',
      ordinary > 0 ? 'low' : 'medium',
      ordinary > 0
        ? `${status}: passing it on failed, though ordinary requests got ${status} here too (${ordinary}): perhaps the own backend was down.`
        : `${status}: the server tried to pass it on, and failed.`,
    );
  }
  if (status === 404 || status === 410) {
    const own =
      bytes !== null &&
      closeTo(baseline.statuses.sizes(status), bytes, wanted.path.length + wanted.host.length + 64);
    return verdict(
      'refused',
      own ? 'high' : 'medium',
      own
        ? `${status} with ${plural(bytes, 'byte')}, as for pages of your own that do not exist.`
        : `${status}: the path was looked for here and not found.`,
    );
  }
  if (status >= 500)
    return verdict('refused', 'medium', `${status}: the server failed on the request itself.`);
  return verdict('refused', 'high', `${status}: turned away.`);
}

/** nginx pads error pages for old MSIE by 402 bytes; error pages often repeat the path or the host. */
const closeTo = (sizes: readonly number[], bytes: number, reach: number): boolean =>
  sizes.some((size) => [0, 402, -402].some((pad) => Math.abs(size + pad - bytes) <= reach));

function redirect(probe: Probe, status: number, context: Context): Judgement {
  const { bytes } = probe.candidate.entry;
  if (status === 304 || bytes === null) {
    return verdict('unclear', 'low', `${status} without a body: nothing to compare.`);
  }
  const own = context.baseline.statuses.sizes(status);
  // A redirect repeats the path, once in the Location line and once in the page.
  const reach = 3 * (probe.wanted.path.length + probe.wanted.host.length) + 64;
  if (closeTo(own, bytes, reach)) {
    return verdict(
      'local',
      'high',
      `${status} with ${plural(bytes, 'byte')}: redirected as your own pages are.`,
    );
  }
  if (context.others.hostsWithAnswer(probe) >= 2) {
    return verdict(
      'local',
      'medium',
      `${status} with ${plural(bytes, 'byte')} for unrelated hosts alike: your own redirect.`,
    );
  }
  if (context.relaysElsewhere) {
    return verdict(
      'likely-relayed',
      'low',
      `${status} unlike your own redirects, in a log where other probes were relayed.`,
    );
  }
  return verdict(
    'unclear',
    'low',
    `${status} with ${plural(bytes, 'byte')}, and no ordinary ${status} of that size to compare with.`,
  );
}

function connect(probe: Probe, status: number, context: Context): Judgement {
  const { bytes, duration } = probe.candidate.entry;
  if (status >= 300 || status < 200) {
    return verdict('refused', 'high', `${status} opens no tunnel: only 2xx does (RFC 9110 section 9.3.6).`);
  }
  const upstream = upstreamWord(probe, context);
  if (upstream !== null) return upstream;
  const slow = duration !== null && duration >= 2000;
  if (bytes === null || bytes === 0) {
    return context.relaysElsewhere && slow
      ? verdict(
          'likely-relayed',
          'low',
          `${status} without a page, open for ${seconds(duration)}, where other probes were relayed.`,
        )
      : verdict(
          'unclear',
          'low',
          `${status} with no bytes counted: a tunnel nobody used, or an empty answer.`,
        );
  }
  const own = ownPage(context.baseline, '/', bytes, secondsOf(probe));
  if (own !== null)
    return verdict(
      'local',
      own.confidence,
      `${status} with ${plural(bytes, 'byte')} is ${own.why}: a page, no tunnel.`,
    );
  const sizes = context.others.unmatched('connect');
  const hosts = context.others.hostsWithAnswer(probe);
  // An opened tunnel begins with a head of some dozen bytes, the same for everyone; a page is larger.
  if (bytes > headOnly && sameForAll(hosts, sizes)) {
    return verdict(
      'local',
      'medium',
      `${status} with ${plural(bytes, 'byte')} for ${hosts} unrelated hosts alike: one page, no tunnel.`,
    );
  }
  const reasons = new Reasons();
  const known = context.baseline.front.count > 0;
  reasons.add(
    sizes.sizes >= 4 || (known && sizes.sizes >= 3) ? 2 : sizes.sizes >= 2 ? 1 : 0,
    `CONNECT was answered in ${sizes.sizes} sizes, as no page is`,
  );
  reasons.add(known ? 1 : 0, 'no page of yours has that size');
  reasons.add(bytes > 2000 ? 1 : 0, `${plural(bytes, 'byte')} went through`);
  reasons.add(
    bytes <= headOnly ? 1 : 0,
    `${bytes} bytes are the head of an opened tunnel, too few for a page`,
  );
  reasons.add(slow ? 1 : 0, `it lasted ${seconds(duration)}`);
  reasons.add(
    context.others.unmatched('absolute').sizes > 0 ? 1 : 0,
    'foreign URLs got pages here that are not yours',
  );
  reasons.add(context.relaysElsewhere ? 2 : 0, 'other probes of this log were relayed');
  return reasons.judge(
    `${status} to CONNECT`,
    'a 2xx alone proves nothing, and there is too little to compare with',
  );
}

const seconds = (ms: number | null): string => `${((ms ?? 0) / 1000).toFixed(1)} s`;
const secondsOf = (probe: Probe): number => Math.floor((probe.candidate.entry.time ?? 0) / 1000);

function success(probe: Probe, context: Context): Judgement {
  const { entry } = probe.candidate;
  const { baseline, others, own } = context;
  const upstream = upstreamWord(probe, context);
  if (upstream !== null) return upstream;
  if (probe.method.toUpperCase() === 'HEAD') return head(probe, context);
  // An error page of the script, or what it fetched: sizes can't tell.
  if (probe.technique === 'path-proxy') {
    return verdict(
      'unclear',
      'low',
      `${entry.status}: a script of yours may have fetched it; look what answers this path.`,
    );
  }
  if (entry.bytes === null || entry.bytes === 0) {
    return verdict('unclear', 'low', `${entry.status} with no bytes: nothing to compare.`);
  }
  const what = `${entry.status} with ${plural(entry.bytes, 'byte')}`;
  const page = ownPage(baseline, probe.wanted.path, entry.bytes, secondsOf(probe));
  if (page !== null) return verdict('local', page.confidence, `${what} is ${page.why}.`);
  const sizes = others.unmatched('absolute');
  const hosts = others.hostsWithAnswer(probe);
  const anyPath = entry.bytes > headOnly ? others.hostsWithSize(probe) : 0;
  const alike = sameForAll(hosts, sizes) ? hosts : anyPath >= 3 && sizes.sizes < 3 ? anyPath : 0;
  if (alike > 0) {
    return verdict('local', 'medium', `${what} for ${alike} unrelated hosts alike: a page of your own.`);
  }
  const reasons = new Reasons();
  const spread = Math.min(sizes.targets, sizes.sizes);
  reasons.add(
    spread >= 6 || (spread >= 4 && sizes.wide) ? 3 : spread >= 3 ? 2 : spread === 2 ? 1 : 0,
    `${sizes.sizes} sizes for ${sizes.targets} targets, none a page of yours`,
  );
  const ownSizes = baseline.pages.of(pathHash(probe.wanted.path));
  if (ownSizes.length > 0)
    reasons.add(1, `your own ${shortPath(probe.wanted.path)} has ${ownSizes[0]!.size} bytes`);
  else if (baseline.front.count > 0) reasons.add(1, 'your own front page has other sizes');
  const unknownPath = probe.wanted.path !== '/' && ownSizes.length === 0 && baseline.statuses.count(404) > 0;
  reasons.add(unknownPath ? 1 : 0, 'your own server knows no such path, and says 404 to those');
  const from =
    entry.referer === null ? null : hostOf(/^https?:\/\/([^/?#]*)/i.exec(entry.referer)?.[1] ?? '');
  if (from !== null && from !== '' && !own.has(from)) {
    const samePlace = siteOf(from) === siteOf(probe.wanted.host);
    reasons.add(
      samePlace ? 2 : 1,
      samePlace ? `the visitor came from another page of ${siteOf(from)}` : `the referer is ${from}`,
    );
  }
  reasons.add(
    others.unmatched('connect').sizes > 0 ? 1 : 0,
    'CONNECT was answered with something that is no page of yours',
  );
  reasons.add(context.relaysElsewhere ? 2 : 0, 'other probes of this log were relayed');
  return reasons.judge(what, 'too few ordinary lines to compare with');
}

/** What one and the same page's head differs by: `Connection: close`, `Keep-Alive: …` and both, give or take a digit. */
const headSteps = [0, 19, 37, 56];

/** Apache's `%O` counts heads: the head of a page of ours is known from other HEADs. */
function head({ candidate, wanted }: Probe, { baseline }: Context): Judgement {
  const { status, bytes } = candidate.entry;
  if (bytes === null || bytes === 0)
    return verdict('unclear', 'low', `${status} to HEAD: no body whose size could be compared.`);
  const same = baseline.heads.of(pathHash(wanted.path));
  const own = same.find(({ size }) => headSteps.some((step) => Math.abs(Math.abs(size - bytes) - step) <= 2));
  if (own !== undefined || baseline.heads.has(bytes)) {
    const by =
      own === undefined ? 'HEADs of your own pages are' : `your own HEAD ${shortPath(wanted.path)} is`;
    return verdict('local', 'medium', `${status} to HEAD with ${bytes} bytes of head, as ${by} answered.`);
  }
  const known =
    same[0] === undefined ? 'no HEAD of your own to compare with' : `your own has ${same[0].size}`;
  return verdict('unclear', 'low', `${status} to HEAD with ${bytes} bytes of head: ${known}.`);
}

/** A server behind that the log names: the backend of ordinary requests, or the very host that was asked for. */
function upstreamWord({ candidate, wanted }: Probe, { baseline }: Context): Judgement | null {
  const { upstream, status } = candidate.entry;
  if (upstream === null) return null;
  const failed = status !== null && status >= 500 ? ', which gave no answer' : '';
  if (baseline.upstreams.has(upstream)) {
    return verdict('local', 'high', `Passed to ${upstream}, as ordinary requests are${failed}.`);
  }
  const host = hostOf(upstream);
  if (host !== null && host === wanted.host)
    return verdict('likely-relayed', 'high', `Passed to ${upstream}, the host that the sender named.`);
  const range = host === null ? null : specialRange(host.replace(/^\[|\]$/g, ''));
  if (
    range === 'private' ||
    range === 'loopback' ||
    (host !== null && !host.includes('.') && !host.includes(':'))
  )
    return verdict('local', 'medium', `Passed to ${upstream}, a server of your own network${failed}.`);
  // `backend/server`: HAProxy names the one that its config has, and dials no other. What it is, sizes may tell.
  if (host === null)
    return failed === '' ? null : verdict('local', 'medium', `Passed to ${upstream} of the config${failed}.`);
  return verdict('likely-relayed', 'medium', `Passed to ${upstream}, where no ordinary request went.`);
}

/**
 * One page for unrelated hosts is a page of ours: for a few hosts unless foreign pages came in many sizes, for many
 * hosts whatever else came.
 */
const sameForAll = (hosts: number, sizes: Spread): boolean => hosts >= 4 || (hosts >= 2 && sizes.sizes < 3);

/** `HTTP/1.1 200 Connection Established` and a header or two: bytes of a tunnel in which nothing was said. */
const headOnly = 200;

const shortPath = (path: string): string => (path.length > 40 ? `${path.slice(0, 39)}…` : path);

/** Signs that add up. Three points make a relay likely: no sign alone does. */
class Reasons {
  #points = 0;
  readonly #texts: string[] = [];

  add(points: number, text: string): void {
    if (points === 0) return;
    this.#points += points;
    this.#texts.push(text);
  }

  judge(what: string, doubt: string): Judgement {
    const reasons = this.#texts.join('; ');
    if (this.#points >= 3)
      return verdict('likely-relayed', this.#points >= 4 ? 'high' : 'medium', `${what}: ${reasons}.`);
    return verdict('unclear', 'low', `${what}: ${reasons === '' ? '' : `${reasons}, but `}${doubt}.`);
  }
}
