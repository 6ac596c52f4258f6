/** Reads one log: bytes in, candidates and a baseline out. Holds one line at a time, whatever the size of the log. */

import { mayNameTarget, pathProxy } from '../rules/path-proxy.ts';
import { SiteTable } from '../rules/site-table.ts';
import { Baseline } from './baseline.ts';
import { type Candidate, type CandidateKind, candidateKind, quoteLimit } from './candidate.ts';
import { ClfReader } from './clf-reader.ts';
import { detectLog, formats } from './detect.ts';
import { combined } from './formats/combined.ts';
import { systemLog } from './formats/system-log.ts';
import type { LineFormat, LineParser, Parsed } from './line-format.ts';
import type { LogEntry } from './log-entry.ts';
import { domainOf } from './mail-domain.ts';
import { pathHash } from './page-sizes.ts';
import { requestWords } from './request-text.ts';
import { isSyslog, messageOf, openWrappings, withoutPrefix } from './wrapping.ts';

const LF = 0x0a;

/** Longest line, in bytes; the rest of a longer line is skipped. */
export const lineLimit = 4 * 1024 * 1024;
/** Bytes after which the format is decided. */
const sampleBytes = 256 * 1024;
/** Broken lines kept for the report. */
const brokenKept = 3;
/** Most clients counted for a rehearsal. */
const clientLimit = 200_000;

export interface LogScanOptions {
  /** Null: detect it. */
  readonly format: LineFormat | null;
  /** Latest possible time of an entry, in milliseconds since the epoch. */
  readonly now: number;
  /** Every rule of the catalogue, not only those about relaying. */
  readonly all: boolean;
  /** Count the ordinary requests of each client. */
  readonly clients: boolean;
  /** Report every request with a logged Host as a candidate: it may be foreign. */
  readonly hosts: boolean;
  readonly onCandidate: (candidate: Candidate) => void;
  /** Where ordinary lines are counted. @default a new small one, to be merged later */
  readonly baseline?: Baseline;
}

export interface LogTotals {
  readonly lines: number;
  /** Lines with a request, ordinary or not. */
  readonly requests: number;
  /** Lines that no format could read. */
  readonly broken: number;
  /** Broken lines that look like a request for a foreign host. */
  readonly suspect: number;
  readonly brokenLines: readonly string[];
  /** Lines truncated at `lineLimit`. */
  readonly cut: number;
  /** Title of the format; null if no line could be read. */
  readonly format: string | null;
  readonly formatId: string | null;
  /** The lines were wrapped (Docker, JSON): a truncated line may have held many requests. */
  readonly wrapped: boolean;
  /** Milliseconds since the epoch. */
  readonly first: number | null;
  readonly last: number | null;
}

/** A client's ordinary requests. */
export interface ClientTotals {
  requests: number;
  /** Requests with a referer, as browsers send it. */
  referred: number;
  agent: string;
}

export class LogScan {
  readonly baseline: Baseline;
  readonly clients = new Map<string, ClientTotals>();
  readonly #options: LogScanOptions;
  /** The given or detected format, else the first one that read a line. */
  #format: LineFormat | null;
  /** The format of `#parser`. */
  #read: LineFormat = combined;
  #parser: LineParser | null = null;
  #unwrap: ((line: string) => readonly string[]) | null = null;
  #others: { readonly format: LineFormat; readonly parser: LineParser }[] | null = null;
  #clf: ClfReader | null = null;
  #head: Buffer[] | null = [];
  #headBytes = 0;
  #carry: Buffer[] = [];
  #carryBytes = 0;
  #line = 0;
  #requests = 0;
  #broken = 0;
  #suspect = 0;
  #cut = 0;
  #skipping = false;
  readonly #brokenLines: string[] = [];
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(options: LogScanOptions) {
    this.#options = options;
    this.baseline = options.baseline ?? new Baseline(14);
    this.#format = options.format;
  }

  /** Takes the next bytes; the caller may reuse the buffer. */
  push(chunk: Buffer): void {
    if (this.#head !== null) {
      this.#head.push(Buffer.from(chunk));
      this.#headBytes += chunk.length;
      if (this.#headBytes >= sampleBytes) this.#decide();
      return;
    }
    this.#lines(chunk);
  }

  /** Decides the format from the bytes so far: for logs that are still being written. */
  settle(): void {
    if (this.#head !== null && this.#headBytes > 0) this.#decide();
  }

  /** Ends the log. A last line without a line feed counts. */
  end(): LogTotals {
    this.settle();
    if (this.#carryBytes > 0) this.#lines(Buffer.from('\n'));
    for (const parser of [this.#parser, ...(this.#others ?? []).map((one) => one.parser)])
      for (const entry of parser?.flush?.() ?? []) this.#entry(entry, this.totals().lines, '');
    return this.totals();
  }

  totals(): LogTotals {
    const fast = this.#clf;
    const first = Math.min(
      this.#first,
      fast === null || fast.first === 0 ? Number.POSITIVE_INFINITY : fast.first * 1000,
    );
    const last = Math.max(
      this.#last,
      fast === null || fast.last === 0 ? Number.NEGATIVE_INFINITY : fast.last * 1000,
    );
    const format = this.#format ?? (fast !== null && fast.fast > 0 ? combined : null);
    return {
      lines: fast === null ? this.#line : fast.line,
      requests: this.#requests + (fast?.fast ?? 0),
      broken: this.#broken,
      suspect: this.#suspect,
      brokenLines: this.#brokenLines,
      cut: this.#cut,
      format: format?.title ?? null,
      formatId: format?.id ?? null,
      wrapped: this.#unwrap !== null,
      first: Number.isFinite(first) ? first : null,
      last: Number.isFinite(last) ? last : null,
    };
  }

  #decide(): void {
    const head = Buffer.concat(this.#head ?? []);
    this.#head = null;
    const { now, format: named, clients, all } = this.#options;
    const { wrapping, format } = detectLog(head.toString('latin1', 0, sampleBytes), now, named, lineLimit);
    this.#format = format;
    // An unknown beginning is mostly noise before lines in the most common format.
    const read = format ?? combined;
    this.#read = read;
    this.#parser = read.fallback === true ? null : read.open(now);
    if (wrapping.length > 0) this.#unwrap = openWrappings(wrapping, lineLimit);
    else if (read.id === combined.id && !clients) {
      this.#clf = new ClfReader({
        baseline: this.baseline,
        paths: all,
        onLine: (buffer, start, end, line) => this.#text(buffer, start, end, line),
      });
    }
    this.#lines(head);
  }

  /** Splits into lines; an unfinished last line is carried over. */
  #lines(chunk: Buffer): void {
    let start = 0;
    if (this.#carryBytes > 0 || this.#skipping) {
      const lf = chunk.indexOf(LF);
      const end = lf === -1 ? chunk.length : lf + 1;
      this.#keep(chunk.subarray(0, end));
      if (lf === -1) return;
      const line = Buffer.concat(this.#carry);
      this.#carry = [];
      this.#carryBytes = 0;
      this.#skipping = false;
      // A truncated line has lost its line feed.
      this.#whole(line[line.length - 1] === LF ? line : Buffer.concat([line, Buffer.from('\n')]));
      start = end;
    }
    const last = chunk.lastIndexOf(LF);
    if (last >= start) {
      this.#whole(chunk.subarray(start, last + 1));
      start = last + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #keep(piece: Buffer): void {
    const room = lineLimit - this.#carryBytes;
    if (piece.length > room && !this.#skipping) {
      this.#cut++;
      this.#skipping = true;
    }
    if (room <= 0) return;
    const kept = Buffer.from(piece.subarray(0, room));
    this.#carry.push(kept);
    this.#carryBytes += kept.length;
  }

  #whole(lines: Buffer): void {
    if (this.#clf !== null) {
      this.#clf.read(lines, 0, lines.length);
      return;
    }
    for (let at = 0; at < lines.length; ) {
      const lf = lines.indexOf(LF, at);
      this.#text(lines, at, lf, ++this.#line);
      at = lf + 1;
    }
  }

  #text(buffer: Buffer, start: number, end: number, line: number): void {
    const stop = buffer[end - 1] === 0x0d ? end - 1 : end;
    if (stop <= start) return;
    const text = buffer.toString('latin1', start, stop);
    if (this.#unwrap === null) this.#record(text, line);
    else for (const record of this.#unwrap(text)) this.#record(record, line);
  }

  #record(text: string, line: number): void {
    const own = this.#parser?.parse(text) ?? null;
    if (own !== null) this.#readAs(this.#read);
    const parsed = own ?? this.#parseOtherwise(text);
    if (parsed === 'skip') return;
    if (parsed === 'ordinary') {
      this.#requests++;
      return;
    }
    if (parsed !== null) {
      this.#entry(parsed, line, text);
      return;
    }
    if (/^\s*$/.test(text.slice(0, 100)) && text.length < 100) return;
    this.#broken++;
    if (foreignRequest.test(text.slice(0, quoteLimit))) this.#suspect++;
    if (this.#brokenLines.length < brokenKept) this.#brokenLines.push(text.slice(0, quoteLimit));
  }

  /**
   * Tries every other format: logs mix in error lines, formats that changed with an upgrade, and lines from syslog or a
   * collector.
   */
  #parseOtherwise(text: string): Parsed {
    if (text.length > 100_000) return null;
    const found = this.#parseByOthers(text);
    if (found !== null) return found;
    for (const within of [withoutPrefix(text), messageOf(text)]) {
      const parsed = within === null ? null : (this.#parser?.parse(within) ?? this.#parseByOthers(within));
      if (parsed !== null) return parsed;
    }
    const system = isSyslog(text) ? 'skip' : null;
    if (system !== null) this.#format ??= systemLog;
    return system;
  }

  #parseByOthers(text: string): Parsed {
    this.#others ??= formats
      .filter(({ id, fallback }) => id !== this.#format?.id && fallback !== true)
      .map((format) => ({ format, parser: format.open(this.#options.now) }));
    for (const { format, parser } of this.#others) {
      const parsed = parser.parse(text);
      if (parsed === null) continue;
      this.#readAs(format);
      return parsed;
    }
    return null;
  }

  /** A log of unknown format takes the first format that reads a line. */
  #readAs(format: LineFormat): void {
    if (this.#format === null || this.#format.fallback === true) this.#format = format;
  }

  #entry(entry: LogEntry, line: number, text: string): void {
    if (entry.note === true) {
      // The error of an ordinary request names one of the server's own backends.
      if (entry.relay === null) return;
      if (entry.upstream !== null && candidateKind(entry.request) === null)
        this.baseline.addUpstream(entry.upstream);
      else this.#candidate(entry, 'note', line, text);
      return;
    }
    this.#requests++;
    if (entry.time !== null) {
      if (entry.time < this.#first) this.#first = entry.time;
      if (entry.time > this.#last) this.#last = entry.time;
    }
    if (entry.mail?.local === true) {
      const domain = domainOf(entry.mail.recipient);
      if (domain !== '') this.baseline.names.add(domain, 'mail');
      return;
    }
    const kind: CandidateKind | null = entry.mail === undefined ? candidateKind(entry.request) : 'mail';
    if (kind !== null) {
      this.#candidate(entry, kind, line, text);
      return;
    }
    const words = requestWords(entry.request);
    if (words === null) return;
    if (
      (this.#options.all && isOddOrigin(words.method, words.target)) ||
      (this.#options.hosts && entry.host !== null) ||
      (mayNameTarget(words.target) && pathProxy(noSites, words.target) !== null)
    ) {
      this.#candidate(entry, 'origin', line, text);
    }
    this.#ordinary(entry, words.method, words.target);
  }

  #candidate(entry: LogEntry, kind: CandidateKind, line: number, text: string): void {
    // The first 4 KiB are enough to judge a huge request.
    const kept = entry.request.length > 4096 ? { ...entry, request: entry.request.slice(0, 4096) } : entry;
    this.#options.onCandidate({ line, entry: kept, kind, text: text.slice(0, quoteLimit) });
  }

  #ordinary(entry: LogEntry, method: string, target: string): void {
    const { baseline } = this;
    const seconds = Math.floor((entry.time ?? 0) / 1000);
    baseline.add(
      method === 'GET',
      method === 'HEAD',
      pathHash(target),
      entry.status ?? 0,
      entry.bytes ?? -1,
      seconds,
    );
    if (entry.vhost !== null) baseline.names.add(entry.vhost.toLowerCase(), 'vhost');
    if (entry.host !== null) baseline.names.add(entry.host.toLowerCase(), 'host');
    if (entry.upstream !== null) baseline.addUpstream(entry.upstream);
    const referer =
      entry.referer === null ? null : /^https?:\/\/([^/?#"]{1,100})([^?#]*)/i.exec(entry.referer);
    if (referer !== null) {
      const path = target.split('?', 1)[0]!;
      const asset = /\.\w{2,4}$/.test(path) && (entry.status ?? 0) < 400;
      const self = path.length > 1 && referer[2] === path;
      baseline.names.add(referer[1]!.toLowerCase(), self ? 'self' : asset ? 'asset' : 'referer');
    }
    if (this.#options.clients) this.#countClient(entry);
  }

  #countClient(entry: LogEntry): void {
    let client = this.clients.get(entry.client);
    if (client === undefined) {
      if (this.clients.size >= clientLimit) return;
      client = { requests: 0, referred: 0, agent: entry.agent?.slice(0, 120) ?? '' };
      this.clients.set(entry.client, client);
    }
    client.requests++;
    if (entry.referer !== null) client.referred++;
  }
}

/** A relay probe in a line of any format. */
const foreignRequest =
  /\bCONNECT [\w.[\]:-]+:\d{1,5}\b|\b(?:GET|HEAD|POST|PUT|OPTIONS) [a-z]{2,9}:\/\/|[Rr]elay(?:ing)? (?:access )?denied/;

/** No own hosts: the review compares with them later, when they are known. */
const noSites = new SiteTable([]);

const isOddOrigin = (method: string, target: string): boolean =>
  /^trace$/i.test(method) || /^\/(?:[/\\]|[a-z][a-z0-9+.-]*:\/)/i.test(target);
