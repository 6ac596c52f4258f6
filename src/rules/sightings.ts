/** The rules seen in one request so far. Every part of the examination adds to it. */
import type { Authority } from '../wire/authority.ts';
import type { Evidence } from '../wire/evidence.ts';
import type { HeaderFacts } from '../wire/header-facts.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { hasBrowserMarks } from './browser-marks.ts';
import type { RuleId } from './catalogue.ts';
import type { Wanted } from './intent.ts';
import type { ForeignName } from './own-host.ts';
import type { Policy } from './policy.ts';

/** What is known of the client besides its request. */
export interface ClientStatus {
  /** A trusted proxy: its X-Forwarded-* are believed. */
  readonly trusted: boolean;
  /** On the allow-list. */
  readonly allowed: boolean;
  readonly banned: boolean;
}

export const stranger: ClientStatus = { trusted: false, allowed: false, banned: false };

/** A rule that was seen, with the evidence. */
export interface Found {
  readonly rule: RuleId;
  /** What was seen, for people: `www.example.com is not one of our sites`. */
  readonly what: string;
  readonly evidence: Evidence;
  /** May be legitimate, so it gets the milder action of the rule. */
  readonly doubtful?: boolean;
  /** The sender may not have meant to send it, since web pages can make browsers send it: never counts towards a ban. */
  readonly unmeant?: boolean;
}

export class Sightings {
  readonly request: HttpRequest;
  readonly facts: HeaderFacts;
  readonly policy: Policy;
  readonly client: ClientStatus;
  /** Each rule once, at its first sighting. */
  readonly found: Found[] = [];
  /** Even indexes into rawHeaders of fields that must not be forwarded. */
  readonly strip: number[] = [];
  wanted: Wanted | null = null;
  /** Whether a web page can have made a browser send the request: sightings that any page can cause then do not count. */
  readonly byBrowser: boolean;

  constructor(request: HttpRequest, facts: HeaderFacts, policy: Policy, client: ClientStatus) {
    this.request = request;
    this.facts = facts;
    this.policy = policy;
    this.client = client;
    // If the head could not be read to its end, the browser's fields may have been in the rest.
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

  /** A sighting that a web page can cause through a browser: a name whose address is ours, or fields that `fetch()` lets our own scripts write. */
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
