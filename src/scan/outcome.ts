/**
 * Judges the outcome of each probe. The status proves little: a server that ignores the authority of an absolute-form
 * target answers 200 with its own page. So the answer is compared with the server's own answers.
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

/** What the rest of the log says. */
export interface Context {
  readonly baseline: Baseline;
  readonly own: OwnNames;
  /** The answers of the other probes. */
  readonly others: ComparedAnswers;
  readonly mail: MailFacts;
  /** Other probes in the same log were likely relayed. */
  readonly relaysElsewhere: boolean;
}

const verdict = (outcome: Outcome, confidence: Confidence, why: string): Judgement => ({
  outcome,
  confidence,
  why,
});

/** Never throws. */
export function judgeOutcome(probe: Probe, context: Context): Judgement {
  const { entry } = probe.candidate;
  if (probe.technique === 'mail') return context.mail.judge(probe, context.own);
  if (entry.relay !== null) return proxyWord(entry, entry.relay, context);
  if (notHttp.has(probe.technique)) return otherProtocol(entry);
  if (entry.status === null) return verdict('unclear', 'low', 'The log has no status for this request.');
  if (entry.status === 499) return verdict('unclear', 'low', '499: the client left before the answer.');
  if (entry.status >= 400) return error(probe, entry.status, context);
  if (probe.technique.startsWith('connect')) return connect(probe, entry.status, context);
  if (entry.status >= 300) return redirect(probe, entry.status, context);
  if (entry.status < 200) return verdict('unclear', 'low', `${entry.status} is no final answer.`);
  return success(probe, context);
}

/** The outcome that a forward proxy's log states itself. */
function proxyWord({ client }: LogEntry, { result, said }: RelayWord, context: Context): Judgement {
  if (result === 'backend') {
    if (context.relaysElsewhere && !said.includes('PARENT'))
      return verdict(
        'likely-relayed',
        'medium',
        `From the cache of a proxy that fetches foreign pages: ${said}.`,
      );
    return verdict(
      'unclear',
      'low',
      said.includes('PARENT')
        ? `Forwarded to a server in your own network, a web server or another proxy: ${said}.`
        : `From the cache, and no line shows where it came from: ${said}.`,
    );
  }
  if (result !== 'refused' && isDockerGateway(client)) {
    return verdict(
      'unclear',
      'low',
      `Relayed, but the client is unknown: ${client} looks like the gateway of a Docker bridge, which hides the addresses of all outside clients (${said}).`,
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
  'not-http',
]);

/** The web server logged another protocol's bytes as a request line, so it did not understand them. */
function otherProtocol({ status, bytes }: LogEntry): Judgement {
  if (status === null || status >= 400 || status < 200) {
    const what = status === null ? 'closed the connection' : `answered ${status}`;
    return verdict('refused', 'high', `The server read the bytes as a broken HTTP request and ${what}.`);
  }
  return verdict(
    'local',
    'medium',
    `The server read the bytes as an old HTTP request and answered ${status}${bytes === null ? '' : ` with ${plural(bytes, 'byte')}`}: no answer in the probe's protocol.`,
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
        ? `${status}: forwarding failed, but ordinary requests got ${status} too (${ordinary}): perhaps your own backend was down.`
        : `${status}: the server tried to forward it and failed.`,
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
        ? `${status} with ${plural(bytes, 'byte')}, like your own missing pages.`
        : `${status}: the server looked for the path on its own site.`,
    );
  }
  if (status >= 500)
    return verdict('refused', 'medium', `${status}: the server failed on the request itself.`);
  return verdict('refused', 'high', `${status}: refused.`);
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
  // A redirect repeats the path in the Location header and in the page.
  const reach = 3 * (probe.wanted.path.length + probe.wanted.host.length) + 64;
  if (closeTo(own, bytes, reach)) {
    return verdict(
      'local',
      'high',
      `${status} with ${plural(bytes, 'byte')}: redirected like your own pages.`,
    );
  }
  if (context.others.hostsWithAnswer(probe) >= 2) {
    return verdict(
      'local',
      'medium',
      `${status} with ${plural(bytes, 'byte')}, the same for unrelated hosts: your own redirect.`,
    );
  }
  if (context.relaysElsewhere) {
    return verdict(
      'likely-relayed',
      'low',
      `${status}, unlike your own redirects, in a log where other probes were relayed.`,
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
    return verdict('refused', 'high', `${status} opens no tunnel: only a 2xx does (RFC 9110 section 9.3.6).`);
  }
  const upstream = upstreamWord(probe, context);
  if (upstream !== null) return upstream;
  const slow = duration !== null && duration >= 2000;
  if (bytes === null || bytes === 0) {
    return context.relaysElsewhere && slow
      ? verdict(
          'likely-relayed',
          'low',
          `${status} without a page, open for ${seconds(duration)}, in a log where other probes were relayed.`,
        )
      : verdict('unclear', 'low', `${status} with no bytes logged: an unused tunnel or an empty answer.`);
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
  // An open tunnel begins with a head of some dozen bytes, the same for everyone; a page is larger.
  if (bytes > headOnly && sameForAll(hosts, sizes)) {
    return verdict(
      'local',
      'medium',
      `${status} with ${plural(bytes, 'byte')}, the same for ${hosts} unrelated hosts: one page, no tunnel.`,
    );
  }
  const reasons = new Reasons();
  const known = context.baseline.front.count > 0;
  reasons.add(
    sizes.sizes >= 4 || (known && sizes.sizes >= 3) ? 2 : sizes.sizes >= 2 ? 1 : 0,
    `answers to CONNECT have ${sizes.sizes} sizes, unlike a page`,
  );
  reasons.add(known ? 1 : 0, 'no page of yours has that size');
  reasons.add(bytes > 2000 ? 1 : 0, `${plural(bytes, 'byte')} went through`);
  reasons.add(bytes <= headOnly ? 1 : 0, `${bytes} bytes are the head of an open tunnel, too few for a page`);
  reasons.add(slow ? 1 : 0, `it lasted ${seconds(duration)}`);
  reasons.add(
    context.others.unmatched('absolute').sizes > 0 ? 1 : 0,
    'foreign URLs got pages that are not yours',
  );
  reasons.add(context.relaysElsewhere ? 2 : 0, 'other probes in this log were relayed');
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
  // Sizes cannot tell an error page of the script from the page that it fetched.
  if (probe.technique === 'path-proxy') {
    return verdict(
      'unclear',
      'low',
      `${entry.status}: a script of yours may have fetched it; check what answers this path.`,
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
    return verdict('local', 'medium', `${what}, the same for ${alike} unrelated hosts: your own page.`);
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
  reasons.add(unknownPath ? 1 : 0, 'your own server has no such path and answers unknown paths with 404');
  const from =
    entry.referer === null ? null : hostOf(/^https?:\/\/([^/?#]*)/i.exec(entry.referer)?.[1] ?? '');
  if (from !== null && from !== '' && !own.has(from)) {
    const samePlace = siteOf(from) === siteOf(probe.wanted.host);
    reasons.add(
      samePlace ? 2 : 1,
      samePlace ? `the visitor came from another page of ${siteOf(from)}` : `the referer is ${from}`,
    );
  }
  reasons.add(others.unmatched('connect').sizes > 0 ? 1 : 0, 'answers to CONNECT were not your pages');
  reasons.add(context.relaysElsewhere ? 2 : 0, 'other probes in this log were relayed');
  return reasons.judge(what, 'too few ordinary lines to compare with');
}

/** Differences between heads of one page: `Connection: close`, `Keep-Alive: …` and both; a digit more or less is allowed. */
const headSteps = [0, 19, 37, 56];

/** Apache's `%O` counts header bytes, so an answer to HEAD can be compared with ordinary HEADs. */
function head({ candidate, wanted }: Probe, { baseline }: Context): Judgement {
  const { status, bytes } = candidate.entry;
  if (bytes === null || bytes === 0)
    return verdict('unclear', 'low', `${status} to HEAD: no body to compare.`);
  const same = baseline.heads.of(pathHash(wanted.path));
  const own = same.find(({ size }) => headSteps.some((step) => Math.abs(Math.abs(size - bytes) - step) <= 2));
  if (own !== undefined || baseline.heads.has(bytes)) {
    const by = own === undefined ? 'HEADs of your own pages' : `your own HEAD ${shortPath(wanted.path)}`;
    return verdict('local', 'medium', `${status} to HEAD with ${bytes} bytes of head, like ${by}.`);
  }
  const known =
    same[0] === undefined ? 'no HEAD of your own to compare with' : `your own has ${same[0].size}`;
  return verdict('unclear', 'low', `${status} to HEAD with ${bytes} bytes of head: ${known}.`);
}

/** The outcome if the log names the upstream: the backend of ordinary requests, or the requested host itself. */
function upstreamWord({ candidate, wanted }: Probe, { baseline }: Context): Judgement | null {
  const { upstream, status } = candidate.entry;
  if (upstream === null) return null;
  const failed = status !== null && status >= 500 ? ', which did not answer' : '';
  const host = hostOf(upstream);
  // `backend/server` in HAProxy's log is a name, not an address: with set-dst one server stands for every host. So sizes decide,
  // and only an error is taken for that of a configured server.
  if (host === null && failed === '') return null;
  if (baseline.upstreams.has(upstream)) {
    return verdict('local', 'high', `Forwarded to ${upstream}, like ordinary requests${failed}.`);
  }
  if (host === null) return verdict('local', 'medium', `Forwarded to ${upstream} in the config${failed}.`);
  if (host === wanted.host)
    return verdict('likely-relayed', 'high', `Forwarded to ${upstream}, the requested host.`);
  const range = specialRange(host.replace(/^\[|\]$/g, ''));
  if (range === 'private' || range === 'loopback' || !/[.:]/.test(host))
    return verdict('local', 'medium', `Forwarded to ${upstream}, a server in your own network${failed}.`);
  return verdict('likely-relayed', 'medium', `Forwarded to ${upstream}, which gets no ordinary requests.`);
}

/**
 * The same page for unrelated hosts is an own page. Two hosts are enough unless the other answers have many sizes; four
 * hosts always are.
 */
const sameForAll = (hosts: number, sizes: Spread): boolean => hosts >= 4 || (hosts >= 2 && sizes.sizes < 3);

/** Bytes of `HTTP/1.1 200 Connection Established` and a few headers: a tunnel without traffic. */
const headOnly = 200;

const shortPath = (path: string): string => (path.length > 40 ? `${path.slice(0, 39)}…` : path);

/** Adds up points for signs of a relay. Three points make one likely. */
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
