import type { Action, Answer, RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';
import type { ConnectionFacts } from './connection.ts';

/** A request in which a rule was seen, as it is logged, counted and shown. Plain data, safe to serialise. */
export interface ProbeEvent extends ConnectionFacts {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The listener it came in on: `http 127.0.0.1:8080`. */
  readonly listener: string;
  /** The client's address as text; behind a trusted proxy the address that proxy vouches for. */
  readonly client: string;
  /** The first name of the site it was for; null where it was for none of ours. */
  readonly site: string | null;
  readonly action: Action;
  /** The rule that names the verdict. */
  readonly rule: RuleId;
  /** Counts towards a ban: it was blocked, or its rule counts flagged as well, and its sender must have meant it. */
  readonly counts: boolean;
  /** Every rule seen, catalogue order. */
  readonly rules: readonly RuleId[];
  readonly intent: Intent;
  /** What the sender wanted to reach, `host:port` or a URL; null where it names nothing. */
  readonly destination: string | null;
  /** What the sender got: a status, the reply code of the protocol spoken, `drop`, or null where the request was passed on. */
  readonly answer: Answer | null;
  /** One sentence: what the sender wanted. */
  readonly why: string;
  /** The request line, or the first bytes, escaped to printable ASCII. */
  readonly request: string;
  /** A bounded copy of the bytes with secrets redacted, escaped to printable ASCII. */
  readonly bytes: string;
}

/** Where events go. Never throws, never blocks. */
export type EventSink = (event: ProbeEvent) => void;
