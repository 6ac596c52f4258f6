/** What has been seen of one request so far: every part of the examination writes to it. */
import type { Authority } from '../wire/authority.ts';
import type { Evidence } from '../wire/evidence.ts';
import type { HeaderFacts } from '../wire/header-facts.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { hasBrowserMarks } from './browser-marks.ts';
import type { RuleId } from './catalogue.ts';
import type { Wanted } from './intent.ts';
import type { ForeignName } from './own-host.ts';
import type { Policy } from './policy.ts';

/** What is known of the client, apart from what it sent. */
export interface ClientStatus {
  /** A trusted proxy: its X-Forwarded-* are believed. */
  readonly trusted: boolean;
  /** On the allow-list. */
  readonly allowed: boolean;
  readonly banned: boolean;
}

export const stranger: ClientStatus = { trusted: false, allowed: false, banned: false };

/** A rule seen, with the evidence. */
export interface Found {
  readonly rule: RuleId;
  /** What was seen, for people: `www.example.com is none of our sites`. */
  readonly what: string;
  readonly evidence: Evidence;
  /** May be meant well: the milder action of the rule is for it. */
  readonly doubtful?: boolean;
  /** Its sender need not have meant it, since web pages can make browsers send it: never counts towards a ban. */
  readonly unmeant?: boolean;
}

export class Sightings {
  readonly request: HttpRequest;
  readonly facts: HeaderFacts;
  readonly policy: Policy;
  readonly client: ClientStatus;
  /** Each rule once, at its first sighting. */
  readonly found: Found[] = [];
  /** Even indexes into rawHeaders that may not be forwarded. */
  readonly strip: number[] = [];
  wanted: Wanted | null = null;
  /** Whether a web page can have made a browser send it: what any page can do then does not count. */
  readonly byBrowser: boolean;

  constructor(request: HttpRequest, facts: HeaderFacts, policy: Policy, client: ClientStatus) {
    this.request = request;
    this.facts = facts;
    this.policy = policy;
    this.client = client;
    // Where no head could be read, or not to its end, there may have been some.
    this.byBrowser =
      hasBrowserMarks(request.rawHeaders) ||
      request.method === '' ||
      request.defects?.some(({ overflow }) => overflow) === true;
  }

  see(rule: RuleId, what: string, evidence: Evidence, more: Partial<Found> = {}): void {
    if (!this.found.some((found) => found.rule === rule)) this.found.push({ rule, what, evidence, ...more });
  }

  seeHeader(rule: RuleId, what: string, header: number, start = 0, end = this.value(header).length): void {
    this.see(rule, what, { part: 'header', header, start, end });
  }

  /** Something that a page can make a browser send: a name that leads here, or what `fetch()` lets a script of ours write. */
  seeByPage(rule: RuleId, what: string, evidence: Evidence, more: Partial<Found> = {}): void {
    this.see(rule, what, evidence, { unmeant: this.byBrowser, ...more });
  }

  inHeader(header: number, start = 0, end = this.value(header).length): Evidence {
    return { part: 'header', header, start, end };
  }

  value(header: number): string {
    return this.request.rawHeaders[header + 1]!;
  }

  wantName(name: ForeignName, text: string): void {
    if (this.wanted === null) this.want(name.authority, null, name.path, text.slice(name.start, name.end));
  }

  want(authority: Authority | null, port: number | null, path: string, text: string): void {
    this.wanted = { host: authority?.host ?? '', port: authority?.port ?? port, path, text };
  }
}
