/** Selects the logged requests that need a verdict: everything but plain origin-form requests. */
import { classifyFirstBytes, type FirstBytes } from '../wire/first-bytes.ts';
import { foreignProtocol } from '../wire/foreign-protocols.ts';
import { telnetTarget } from '../wire/telnet-proxy.ts';
import type { LogEntry } from './log-entry.ts';
import { requestWords } from './request-text.ts';

/** A logged request that may be a probe. Plain data. */
export interface Candidate {
  /** Within its file, from 1. */
  line: number;
  readonly entry: LogEntry;
  readonly kind: CandidateKind;
  /** The log line, truncated to `quoteLimit`. */
  readonly text: string;
}

export type CandidateKind =
  | 'connect'
  | 'absolute'
  | 'malformed'
  | 'origin'
  | 'mail'
  | 'telnet'
  /** Another protocol than HTTP. */
  | 'foreign'
  /** A line of an error log about a request in the access log. */
  | 'note'
  | Exclude<FirstBytes, 'http-1' | 'http-0.9' | 'unknown'>;

/** Longest quote of a line, in characters. */
export const quoteLimit = 600;

/** `scheme://…`: an absolute-form target or a truncated one; includes Squid's `cache_object:` and `unix:/` sockets. */
const absolute = /^(?:[A-Za-z][A-Za-z0-9+._-]*:\/\/|unix:\/)/;
/** `http:/10.0.0.1/`, `@evil/`, `www.example.com:443`: lenient parsers turn these into a URL that names a host. */
const hostInDisguise =
  /^(?:https?:(?!\/\/)\/?[a-z0-9[]|[^/?]*@(?:\[|(?:[a-z0-9-]+\.)+[a-z0-9-]+(?:\/|:\d))|(?:[a-z0-9-]+\.)+[a-z0-9-]+:\d{1,5}(?:$|[/?])|\\)/i;

/** `OPTIONS / RTSP/1.0`: the version of another protocol stays in the target. */
export const otherVersion = /[ \t](?:RTSP|SIP|ICAP|ICE)\/\d\.\d$/;

/** The kind of candidate; null for an ordinary request. */
export function candidateKind(request: string): CandidateKind | null {
  const first = request.charCodeAt(0);
  if (telnetTarget(request) !== null) return 'telnet';
  const words = requestWords(request);
  if (words !== null && first >= 0x21 && first < 0x7f) {
    const { method, target, version } = words;
    if (method.length === 7 && method.toUpperCase() === 'CONNECT') return 'connect';
    if (target.charCodeAt(0) === 0x2f) return version === '' && otherVersion.test(target) ? 'foreign' : null;
    if (method.length <= 20 && absolute.test(target)) return 'absolute';
    if (method.length <= 20 && /^[A-Z]+$/i.test(method) && hostInDisguise.test(target)) {
      return smtp(request) ? 'smtp' : 'malformed';
    }
  }
  const bytes = Buffer.from(`${request.slice(0, 510)}\r\n`, 'latin1');
  // Logs leave out the line end: an SMTP command needs it back, a binary greeting would get two bytes too many.
  const binary = classifyFirstBytes(bytes.subarray(0, -2));
  const other = binary === 'unknown' || binary === 'http-1' ? classifyFirstBytes(bytes) : binary;
  switch (other) {
    case 'http-1':
    case 'http-0.9':
    case 'unknown':
      return (foreignProtocol(bytes) ?? foreignProtocol(bytes.subarray(0, -2))) === null ? null : 'foreign';
    case 'smtp':
      return smtp(request) ? 'smtp' : null;
    default:
      return other;
  }
}

/** Mail senders greet or name an address. Not HELP and QUIT, which port scanners send to every port. */
const smtp = (request: string): boolean => /^(?:HELO|EHLO|LHLO|MAIL FROM:|RCPT TO:)/i.test(request);
