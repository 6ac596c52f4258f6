/**
 * Own names of logs that write every request as a URL made of its Host: varnishncsa, Google Cloud. There,
 * absolute-form is no sign of anything, and the names that most lines hold are the server's own.
 */
import type { Candidate } from './candidate.ts';
import { hostOf, type LearnedName } from './own-names.ts';
import { requestWords } from './request-text.ts';

/** Hosts of one log that are counted. */
const hostLimit = 10_000;
/** A log that does not say it writes URLs must have so many lines, all of them URLs, of so many clients. */
const sureLines = 20;
const sureClients = 3;

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

/** @param pending of all files; lines of one file one after the other */
export function urlNames(
  pending: readonly { readonly file: string; readonly candidate: Candidate }[],
): LearnedName[] {
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
  return [...files.values()].flatMap(ownOf);
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

function ownOf({ hosts, clients, urls, writtenAsUrl, first, last, others }: Seen): LearnedName[] {
  const lines = last - first + 1 - others;
  const all = urls >= sureLines && urls >= lines * 0.98 && clients.size >= sureClients;
  if (!writtenAsUrl && !all) return [];
  const share = writtenAsUrl ? 0.25 : 0.1;
  return [...hosts]
    .filter(([, count]) => count >= 3 && count >= urls * share)
    .map(([name, count]) => ({
      name,
      from: `${count.toLocaleString('en-US')} of ${urls.toLocaleString('en-US')} requests, in a log that writes every one as a URL`,
    }));
}
