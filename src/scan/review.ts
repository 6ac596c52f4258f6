/** Turns the candidates of one server's logs into findings, using everything that those logs say. */
import { specialRange } from '../address/special-ranges.ts';
import { printable, redact } from '../events/redact.ts';
import { classifyIntent } from '../rules/intent.ts';
import { Baseline } from './baseline.ts';
import type { Candidate } from './candidate.ts';
import { ComparedAnswers, siteOf } from './compared-answers.ts';
import { ErrorNotes } from './error-notes.ts';
import type { QuotedFinding } from './finding.ts';
import { isDockerGateway, MailFacts } from './mail-outcome.ts';
import { type Context, type Judgement, judgeOutcome } from './outcome.ts';
import { type LearnedName, learnNames, OwnNames } from './own-names.ts';
import { ownPage } from './own-pages.ts';
import { pathHash } from './page-sizes.ts';
import { ownAbsolute, type Probe, readProbe, type Technique } from './probe.ts';
import { Questions } from './questions.ts';
import { requestWords } from './request-text.ts';
import { type UrlNames, urlNames, urlParts } from './url-names.ts';

/** Most candidates that wait for the end of the log; beyond, they are judged by what is known so far. Bounds memory. */
export const pendingLimit = 50_000;

/** Techniques that seek no relay, reported only with `--all`. */
const besidesRelaying: ReadonlySet<Technique> = new Set([
  'trace',
  'h2-preface',
  'proxy-protocol',
  'url-in-path',
]);

/** Another protocol seeks a relay if it names a destination, as SIP does; SSH on a web port names none. */
const seeksRelay = ({ technique, wanted }: Probe): boolean =>
  technique === 'not-http' ? wanted.text !== '' : !besidesRelaying.has(technique);

/** Distinct paths at one address that reveal a path scanner: nobody relays that many to one foreign host. */
const scannedPaths = 20;

/** Most hosts of one accelerator, and most unrelated sites: with more sites, its parent may be another proxy. */
const acceleratedLimit = 1000;
const acceleratedSites = 10;

export interface ReviewOptions {
  /** Own hosts; empty: learn them from the log. */
  readonly hosts: readonly string[];
  /** Ports served; null without a config. */
  readonly ports: ReadonlySet<number> | null;
  /** Every rule of the catalogue, not only those about relaying. */
  readonly all: boolean;
  readonly onFinding: (finding: QuotedFinding, probe: Probe) => void;
}

interface Pending {
  readonly file: string;
  readonly candidate: Candidate;
}

export class Review {
  readonly baseline = new Baseline();
  readonly #options: ReviewOptions;
  #pending: Pending[] = [];
  #own: OwnNames;
  /** Requests in absolute-form for own hosts. */
  ownAbsolute = 0;
  /** Requests that a forward proxy relayed for clients in the own network. */
  ownClients = 0;
  readonly notes = new ErrorNotes();
  readonly asked = new Questions();
  readonly mail = new MailFacts(this.asked);
  /** Names learned since the start of the log: a followed log arrives line by line. */
  #mayBeOwn: UrlNames['asked'] = new Set();
  readonly #urlNames = new Map<string, LearnedName>();
  readonly #accelerated = new Map<string, LearnedName>();
  /** A forward proxy's log: it fetched pages from outside the own network. */
  #forwards = false;

  constructor(options: ReviewOptions) {
    this.#options = options;
    this.#own = new OwnNames(options.hosts, [], options.ports);
  }

  /** Own hosts; learned ones are complete after `flush`. */
  get own(): OwnNames {
    return this.#own;
  }

  add(file: string, candidate: Candidate): void {
    this.#pending.push({ file, candidate });
    if (this.#pending.length >= pendingLimit) this.flush();
  }

  /** Judges the waiting candidates, in order. */
  flush(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { candidate } of pending) {
      if (candidate.kind === 'note') this.notes.add(candidate);
      else if (candidate.kind !== 'mail' && candidate.entry.relay?.result === 'relayed')
        this.#forwards = true;
    }
    this.#learn(pending);
    const probes = this.#probes(pending);
    const { ports } = this.#options;
    this.#judge(probes).forEach((judgement, i) => {
      const { file, probe } = probes[i]!;
      // Without a config, the served ports are unknown: an own name at another port is a probe only if it was relayed.
      if (probe.technique === 'absolute-port' && ports === null && judgement.outcome !== 'likely-relayed') {
        this.ownAbsolute++;
      } else this.#options.onFinding(finding(file, probe, judgement), probe);
    });
  }

  #learn(pending: readonly Pending[]): void {
    const { hosts, ports } = this.#options;
    if (hosts.length > 0) return;
    const urls = urlNames(pending);
    if (urls.asked === 'all') this.#mayBeOwn = 'all';
    else if (this.#mayBeOwn !== 'all') this.#mayBeOwn = new Set([...this.#mayBeOwn, ...urls.asked]);
    for (const one of urls.own) this.#urlNames.set(one.name, one);
    if (this.#forwards) this.#accelerated.clear();
    else for (const one of acceleratedNames(pending)) this.#accelerated.set(one.name, one);
    const learned = [
      ...learnNames(this.baseline.names.names),
      ...this.#urlNames.values(),
      ...this.#accelerated.values(),
    ];
    this.#own = new OwnNames([], learned, ports);
    const scanned = this.#scannedAddresses(pending);
    if (scanned.length > 0) this.#own = new OwnNames([], [...learned, ...scanned], ports);
  }

  #probes(pending: readonly Pending[]): { file: string; probe: Probe }[] {
    const probes: { file: string; probe: Probe }[] = [];
    for (const { file, candidate } of pending) {
      const probe = readProbe(candidate, this.#own);
      if (probe === ownAbsolute) {
        this.ownAbsolute++;
        this.#addOwnPage(candidate);
      } else if (probe === null) continue;
      else if (isOwnClient(probe)) this.ownClients++;
      else if (this.#options.all || seeksRelay(probe)) probes.push({ file, probe });
    }
    const mails = probes.filter(({ probe }) => probe.technique === 'mail');
    if (mails.length === 0) return probes;
    for (const { probe } of mails) this.mail.add(probe, this.#own);
    return probes.filter(
      ({ probe }) => probe.technique !== 'mail' || !this.mail.isOrdinary(probe, this.#own),
    );
  }

  /** Absolute-form for an own host is ordinary traffic, so its answer joins the baseline. */
  #addOwnPage({ entry }: Candidate): void {
    const words = requestWords(entry.request);
    const url = words === null ? null : urlParts(words.target);
    if (url === null) return;
    const seconds = Math.floor((entry.time ?? 0) / 1000);
    const isGet = words!.method === 'GET';
    const path = pathHash(url.path);
    this.baseline.add(isGet, words!.method === 'HEAD', path, entry.status ?? 0, entry.bytes ?? -1, seconds);
    if (entry.upstream !== null) this.baseline.addUpstream(entry.upstream);
  }

  #judge(probes: readonly { probe: Probe }[]): Judgement[] {
    const others = new ComparedAnswers();
    for (const { probe } of probes) {
      const { bytes, time } = probe.candidate.entry;
      const path = probe.technique.startsWith('connect') ? '/' : probe.wanted.path;
      const seconds = Math.floor((time ?? 0) / 1000);
      others.add(probe, bytes !== null && ownPage(this.baseline, path, bytes, seconds) !== null);
    }
    const { baseline, mail } = this;
    const context: Context = { baseline, mail, own: this.#own, others, relaysElsewhere: false };
    const judge = (probe: Probe, facts: Context): Judgement =>
      this.notes.corrected(probe, this.#askIfMayBeOwn(probe, judgeOutcome(probe, facts)), baseline);
    const judgements = probes.map(({ probe }) => judge(probe, context));
    const relays = judgements.some(
      ({ outcome, confidence }, i) =>
        outcome === 'likely-relayed' && confidence !== 'low' && probes[i]!.probe.technique !== 'mail',
    );
    if (!relays) return judgements;
    const relaying: Context = { ...context, relaysElsewhere: true };
    return judgements.map((one, i) =>
      one.outcome === 'unclear' && probes[i]!.probe.technique !== 'mail'
        ? judge(probes[i]!.probe, relaying)
        : one,
    );
  }

  /** A size that differs proves nothing if the host may be own: ask the operator instead. */
  #askIfMayBeOwn(probe: Probe, judgement: Judgement): Judgement {
    const { host } = probe.wanted;
    const { candidate, technique } = probe;
    if (judgement.outcome !== 'likely-relayed' || technique !== 'absolute' || candidate.entry.relay !== null)
      return judgement;
    if (this.#mayBeOwn !== 'all' && !this.#mayBeOwn.has(host)) return judgement;
    this.asked.add(host);
    return {
      outcome: 'unclear',
      confidence: 'low',
      why: `${candidate.entry.status}, in a log that writes every request as a URL. Is ${host} yours? Then give --host ${host}; otherwise this was relayed.`,
    };
  }

  /**
   * Addresses that a path scanner named in absolute-form: such scanners write the scanned server's address into every
   * request. Assumed to be own only if no answer looks relayed.
   */
  #scannedAddresses(pending: readonly Pending[]): LearnedName[] {
    const paths = new Map<string, Set<string>>();
    const relayed = new Set<string>();
    for (const { candidate } of pending) {
      if (candidate.kind !== 'absolute') continue;
      const probe = readProbe(candidate, this.#own);
      if (probe === null || probe === ownAbsolute || !/^\d+(?:\.\d+){3}$|^\[/.test(probe.wanted.host))
        continue;
      const { host, path } = probe.wanted;
      const known = paths.get(host) ?? new Set();
      if (known.size < 1000) known.add(path.split('?', 1)[0]!);
      paths.set(host, known);
      const { status, bytes, time } = candidate.entry;
      const success = status !== null && status >= 200 && status < 300 && (bytes ?? 0) > 0;
      if (success && ownPage(this.baseline, path, bytes!, Math.floor((time ?? 0) / 1000)) === null)
        relayed.add(host);
    }
    return [...paths]
      .filter(([host, known]) => known.size >= scannedPaths && !relayed.has(host))
      .map(([name, known]) => ({
        name,
        from: `a scan of ${known.size} different paths on it, none of them relayed`,
      }));
  }
}

/** Relaying for clients in the own network is a forward proxy's job. Not for a Docker gateway, which hides outside clients. */
function isOwnClient({ candidate, technique }: Probe): boolean {
  const { relay, client } = candidate.entry;
  return (
    relay !== null && technique !== 'mail' && specialRange(client) === 'private' && !isDockerGateway(client)
  );
}

/** Hosts whose pages an accelerator (squid) fetches from a server in the own network, so they are own. */
function acceleratedNames(pending: readonly Pending[]): LearnedName[] {
  const counts = new Map<string, number>();
  for (const { candidate } of pending) {
    const { relay, request } = candidate.entry;
    if (relay?.result !== 'backend' || !relay.said.includes('PARENT/')) continue;
    const host = urlParts(requestWords(request)?.target ?? '')?.host;
    if (host !== undefined && (counts.size < acceleratedLimit || counts.has(host)))
      counts.set(host, (counts.get(host) ?? 0) + 1);
  }
  if (new Set([...counts.keys()].map(siteOf)).size > acceleratedSites) return [];
  return [...counts].map(([name, count]) => ({
    name,
    from: `its pages come from a server in your own network (${count.toLocaleString('en-US')} times)`,
  }));
}

function finding(file: string, probe: Probe, { outcome, confidence, why }: Judgement): QuotedFinding {
  const { line, entry, text } = probe.candidate;
  return {
    file,
    line,
    time: entry.time === null ? null : new Date(entry.time).toISOString(),
    client: printable(entry.client).slice(0, 100),
    rule: probe.rule,
    technique: probe.technique,
    target: printable(redact(targetText(probe))).slice(0, 512),
    intent: classifyIntent(probe.wanted),
    status: entry.status,
    bytes: entry.bytes,
    outcome,
    confidence,
    why: printable(redact(why)),
    text: printable(redact(text)),
  };
}

function targetText({ candidate, technique, wanted }: Probe): string {
  const { entry, kind } = candidate;
  switch (kind) {
    case 'connect':
    case 'absolute':
    case 'malformed':
      return (requestWords(entry.request)?.target ?? entry.request).slice(0, 512);
    case 'mail':
      return entry.mail!.recipient;
    case 'telnet':
      return wanted.text;
    case 'origin':
      if (technique === 'path-proxy') return wanted.text.slice(0, 512);
      return technique === 'host' || technique === 'url-in-path'
        ? `${wanted.host}${wanted.path}`
        : wanted.path;
    default:
      return entry.request.slice(0, 64);
  }
}
