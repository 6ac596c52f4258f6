import type { Action, Answer, RuleId } from '../rules/catalogue.ts';
import type { Intent } from '../rules/intent.ts';
import type { ConnectionFacts } from './connection.ts';

/** A request that matched a rule. Plain data, safe to serialise. */
export interface ProbeEvent extends ConnectionFacts {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The listener that received it: `http 127.0.0.1:8080`. */
  readonly listener: string;
  /** Address of the client; behind a trusted proxy, the address that proxy reports. */
  readonly client: string;
  /** First host of the site; null: none of our sites. */
  readonly site: string | null;
  readonly action: Action;
  /** The rule that decided the verdict. */
  readonly rule: RuleId;
  /** Counts towards a ban: blocked (or of a rule that counts when flagged too), and something a sender does only on purpose. */
  readonly counts: boolean;
  /** Every rule matched, in catalogue order. */
  readonly rules: readonly RuleId[];
  readonly intent: Intent;
  /** What the sender wanted to reach, `host:port` or a URL; null: it named nothing. */
  readonly destination: string | null;
  /** The answer sent: an HTTP status, the reply code of the protocol, or `drop`; null: the request was forwarded. */
  readonly answer: Answer | null;
  /** One sentence: what the sender wanted. */
  readonly why: string;
  /** The request line, or the first bytes, escaped to printable ASCII. */
  readonly request: string;
  /** The bytes, truncated, secrets redacted, escaped to printable ASCII. */
  readonly bytes: string;
}

/** A receiver of events. Never throws, never blocks. */
export type EventSink = (event: ProbeEvent) => void;
