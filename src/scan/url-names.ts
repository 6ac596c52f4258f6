/**
 * Own names in logs that write every request as a URL with its Host: varnishncsa, Google Cloud. There, a URL is no sign of
 * absolute-form, and the most frequent names are the server's own.
 */
import type { Candidate } from './candidate.ts';
import { siteOf } from './compared-answers.ts';
import { hostOf, type LearnedName } from './own-names.ts';
import { requestWords } from './request-text.ts';

/** Most hosts counted per log. */
const hostLimit = 10_000;
/** In a format that does not always write URLs, a log must have this many lines, all URLs, from this many clients. */
const sureLines = 20;
const sureClients = 3;
/** Up to `ownSites` unrelated sites belong to one server. Up to `askedSites` may be customers or relayed pages. More mean a relay. */
const ownSites = 2;
const askedSites = 10;

interface Seen {
  readonly hosts: Map<string, number>;
  readonly clients: Set<string>;
  urls: number;
  writtenAsUrl: boolean;
  first: number;
  last: number;
  /** Lines that are never URLs: CONNECT, and bytes that are not HTTP. */
  others: number;
}

/** Host and path of a request-target that is a URL; null if it is none. */
export function urlParts(target: string): { readonly host: string; readonly path: string } | null {
  const m = /^[a-z]+:\/\/([^/?#\\ ]*)([^ ]*)/i.exec(target);
  const host = m === null ? null : hostOf(m[1]!);
  return host === null ? null : { host, path: m![2]! === '' ? '/' : m![2]! };
}

export interface UrlNames {
  readonly own: readonly LearnedName[];
  /** Hosts that may or may not be own, so the operator is asked. `all`: every host. */
  readonly asked: ReadonlySet<string> | 'all';
}

/** @param pending candidates of all files; the lines of each file in order */
export function urlNames(
  pending: readonly { readonly file: string; readonly candidate: Candidate }[],
): UrlNames {
  const files = new Map<string, Seen>();
  for (const { file, candidate } of pending) {
    if (candidate.kind === 'note' || candidate.kind === 'mail') continue;
    let seen = files.get(file);
    if (seen === undefined) {
      seen = {
        hosts: new Map(),
        clients: new Set(),
        urls: 0,
        writtenAsUrl: false,
        first: candidate.line,
        last: 0,
        others: 0,
      };
      files.set(file, seen);
    }
    count(seen, candidate);
  }
  const found = [...files.values()].map(namesOf);
  return {
    own: found.flatMap(({ own }) => own),
    asked: found.some(({ asked }) => asked === 'all')
      ? 'all'
      : new Set(found.flatMap(({ asked }) => [...asked])),
  };
}

function count(seen: Seen, { kind, entry, line }: Candidate): void {
  seen.last = line;
  const url = kind === 'absolute' ? urlParts(requestWords(entry.request)?.target ?? '') : null;
  // A proxy that logs what it did (squid) reveals own hosts by that instead.
  if (url === null || entry.relay !== null) {
    seen.others++;
    return;
  }
  seen.urls++;
  if (entry.writtenAsUrl === true) seen.writtenAsUrl = true;
  if (seen.clients.size < sureClients) seen.clients.add(entry.client);
  if (seen.hosts.size < hostLimit || seen.hosts.has(url.host))
    seen.hosts.set(url.host, (seen.hosts.get(url.host) ?? 0) + 1);
}

function namesOf({ hosts, clients, urls, writtenAsUrl, first, last, others }: Seen): UrlNames {
  const lines = last - first + 1 - others;
  const all = urls >= sureLines && urls >= lines * 0.98 && clients.size >= sureClients;
  if (!writtenAsUrl && !all) return { own: [], asked: new Set() };
  const frequent = [...hosts].filter(([, count]) => count >= 3 && count >= urls / 100);
  // varnishncsa writes `localhost` for requests without a Host.
  const sites = new Set(frequent.map(([host]) => siteOf(host)).filter((site) => site !== 'localhost')).size;
  if (sites > ownSites) {
    if (writtenAsUrl) return { own: [], asked: 'all' };
    return { own: [], asked: new Set(sites > askedSites ? [] : frequent.map(([host]) => host)) };
  }
  const own = frequent.map(([name, count]) => ({
    name,
    from: `${count.toLocaleString('en-US')} of ${urls.toLocaleString('en-US')} requests, in a log that writes every request as a URL`,
  }));
  return { own, asked: new Set() };
}
