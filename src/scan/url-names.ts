/**
 * Own names of logs that write every request as a URL made of its Host: varnishncsa, Google Cloud. There,
 * absolute-form is no sign of anything, and the names that most lines hold are the server's own.
 */
import type { Candidate } from './candidate.ts';
import { siteOf } from './compared-answers.ts';
import { hostOf, type LearnedName } from './own-names.ts';
import { requestWords } from './request-text.ts';

/** Hosts of one log that are counted. */
const hostLimit = 10_000;
/** A log that does not say it writes URLs must have so many lines, all of them URLs, of so many clients. */
const sureLines = 20;
const sureClients = 3;
/** So many unrelated sites are one server's; some more may be its customers', or pages that it relays; many are a relay's. */
const ownSites = 2;
const askedSites = 10;

interface Seen {
  readonly hosts: Map<string, number>;
  readonly clients: Set<string>;
  urls: number;
  writtenAsUrl: boolean;
  first: number;
  last: number;
  /** CONNECT and bytes that are no HTTP: no line of those is a URL. */
  others: number;
}

/** The host and the path of a URL that is a request-target; null where it is none. */
export function urlParts(target: string): { readonly host: string; readonly path: string } | null {
  const m = /^[a-z]+:\/\/([^/?#\\ ]*)([^ ]*)/i.exec(target);
  const host = m === null ? null : hostOf(m[1]!);
  return host === null ? null : { host, path: m![2]! === '' ? '/' : m![2]! };
}

export interface UrlNames {
  readonly own: readonly LearnedName[];
  /** Hosts of such logs that may be own or not: to be asked about. `all`: whatever host it is. */
  readonly asked: ReadonlySet<string> | 'all';
}

/** @param pending of all files; lines of one file one after the other */
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
  // A proxy that has words of its own for what it did (squid) tells whose hosts are whose by those.
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
  // varnishncsa writes `localhost` where there was no Host.
  const sites = new Set(frequent.map(([host]) => siteOf(host)).filter((site) => site !== 'localhost')).size;
  if (sites > ownSites) {
    if (writtenAsUrl) return { own: [], asked: 'all' };
    return { own: [], asked: new Set(sites > askedSites ? [] : frequent.map(([host]) => host)) };
  }
  const own = frequent.map(([name, count]) => ({
    name,
    from: `${count.toLocaleString('en-US')} of ${urls.toLocaleString('en-US')} requests, in a log that writes every one as a URL`,
  }));
  return { own, asked: new Set() };
}
