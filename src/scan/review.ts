/** Turns the candidates of one server's logs into findings, with everything that those logs say at hand. */
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

/** Candidates that wait for the end of the log. Beyond it they are judged by what is known so far: memory is bounded. */
export const pendingLimit = 50_000;

/** Techniques that seek no relay, told with `--all` only. */
const besidesRelaying: ReadonlySet<Technique> = new Set([
  'trace',
  'h2-preface',
  'proxy-protocol',
  'url-in-path',
]);

/** Paths of one address that a path scanner asks for; nobody relays that many different ones to the same stranger. */
const scannedPaths = 20;

/** Hosts of one accelerator, and unrelated sites among them: more than that, and its parent may be one more proxy. */
const acceleratedLimit = 1000;
const acceleratedSites = 10;

export interface ReviewOptions {
  /** Own hosts as told; none: they are learned. */
  readonly hosts: readonly string[];
  /** Ports that are served; null where no config says. */
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
  /** Requests in absolute-form for hosts of our own. */
  ownAbsolute = 0;
  /** Requests that a forward proxy passed on for clients of the own network. */
  ownClients = 0;
  readonly notes = new ErrorNotes();
  readonly asked = new Questions();
  readonly mail = new MailFacts(this.asked);
  /** What was learned of names since the log began: a followed log comes a line at a time. */
  #mayBeOwn: UrlNames['asked'] = new Set();
  readonly #urlNames = new Map<string, LearnedName>();
  readonly #accelerated = new Map<string, LearnedName>();
  /** A forward proxy's log: pages were fetched from somewhere else than the own network. */
  #forwards = false;

  constructor(options: ReviewOptions) {
    this.#options = options;
    this.#own = new OwnNames(options.hosts, [], options.ports);
  }

  /** Own hosts; what is assumed of them is complete after `flush`. */
  get own(): OwnNames {
    return this.#own;
  }

  add(file: string, candidate: Candidate): void {
    this.#pending.push({ file, candidate });
    if (this.#pending.length >= pendingLimit) this.flush();
  }

  /** Judges what waits, in the order it came. */
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
      // Which ports are served only a config tells; without one, an own name at some port is a probe if it was relayed.
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
      else if (this.#options.all || !besidesRelaying.has(probe.technique)) probes.push({ file, probe });
    }
    const mails = probes.filter(({ probe }) => probe.technique === 'mail');
    if (mails.length === 0) return probes;
    for (const { probe } of mails) this.mail.add(probe, this.#own);
    return probes.filter(
      ({ probe }) => probe.technique !== 'mail' || !this.mail.isOrdinary(probe, this.#own),
    );
  }

  /** Absolute-form for a host of ours is ordinary traffic: what it was answered with is known from then on. */
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
      this.notes.corrected(probe, this.#asking(probe, judgeOutcome(probe, facts)), baseline);
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

  /** A page of another size says nothing where the host may be own: that is asked. */
  #asking(probe: Probe, judgement: Judgement): Judgement {
    const { host } = probe.wanted;
    const { candidate, technique } = probe;
    if (judgement.outcome !== 'likely-relayed' || technique !== 'absolute' || candidate.entry.relay !== null)
      return judgement;
    if (this.#mayBeOwn !== 'all' && !this.#mayBeOwn.has(host)) return judgement;
    this.asked.add(host);
    return {
      outcome: 'unclear',
      confidence: 'low',
      why: `${candidate.entry.status}, in a log that writes every request as a URL. Is ${host} yours? --host ${host} says so; otherwise this was relayed.`,
    };
  }

  /**
   * Addresses that a path scanner named in absolute-form: scanners of that kind write the address they scan into every
   * request. Assumed only where no answer looks relayed.
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
        from: `a scan of ${known.size} different paths of it, none of them relayed`,
      }));
  }
}

/** A forward proxy for the own network is what it is for; that it hides whom it serves behind Docker is another matter. */
function isOwnClient({ candidate, technique }: Probe): boolean {
  const { relay, client } = candidate.entry;
  return (
    relay !== null && technique !== 'mail' && specialRange(client) === 'private' && !isDockerGateway(client)
  );
}

/** Hosts whose pages an accelerator (squid) fetches from a server of the own network: web servers stand behind it. */
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
    from: `its pages come from a server of your own network (${count.toLocaleString('en-US')} times)`,
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
