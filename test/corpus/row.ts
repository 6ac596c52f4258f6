import type { Answer, RuleId } from '../../src/rules/catalogue.ts';
import type { Intent } from '../../src/rules/intent.ts';

/**
 * One raw request and the expected outcome, under preset `default` and these sites:
 *
 * - `www.example.net`, `example.net`, `gate.example.net`, `*.shop.example.net`, `bücher.example.net`, `192.0.2.80`
 *   and `[2001:db8::80]`: one site, the first, with websocket;
 * - `static.example.net`: another, without websocket.
 *
 * The ports served are 80, 443 and 8080.
 */
export interface CorpusRow {
  /** A noun phrase in kebab-case, unique. */
  id: string;
  /** The exact bytes, one character per byte (latin1). */
  bytes: string;
  /** The RFC section, CVE or tool the request comes from, or who sends it. */
  reference: string;
  expect: Served | Refused;
  /** The client is a trusted proxy, or in `bans.allow`. Absent: neither. */
  client?: 'trusted' | 'allow-listed';
}

/** The request reaches the backend. */
export interface Served {
  verdict: 'allow' | 'flag';
  /** With `flag`: the rule that names the verdict. */
  rule?: RuleId;
  backend: Backend;
}

/** What the backend must see. */
export interface Backend {
  /** The request line. */
  line: string;
  /** The value of the only Host line. */
  host: string;
  /** Lower-case header name → its exact value. */
  has?: Record<string, string>;
  /** Lower-case header names that must not arrive. */
  lacks?: string[];
  /** The content, transfer coding removed, one character per byte. */
  body?: string;
}

/** The request never reaches the backend. */
export interface Refused {
  verdict: 'block';
  /** The rule that names the verdict. */
  rule: RuleId;
  /** Further rules that must have been seen. */
  rules?: RuleId[];
  answer: Answer;
  intent?: Intent;
  destination?: string;
}
