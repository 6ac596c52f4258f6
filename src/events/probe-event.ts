/** Makes the event of a verdict. Pure. */
import type { Verdict } from '../judge.ts';
import { isProbe } from '../rules/catalogue.ts';
import { classifyIntent, nothingWanted } from '../rules/intent.ts';
import { destination, wantedSentence } from '../rules/tell.ts';
import type { ConnectionFacts } from './connection.ts';
import type { ProbeEvent } from './event.ts';
import { printable, redact } from './redact.ts';

/** The most of a message that an event keeps, head and body each, in bytes. */
export const evidenceLimit = 8192;

export interface Sighting {
  readonly time: number;
  readonly listener: string;
  readonly client: string;
  /** What is known of the connection. */
  readonly connection?: ConnectionFacts;
  readonly verdict: Verdict;
  /** The head as far as known, latin1. */
  readonly head: string;
  /** As much of the body as was read, latin1. */
  readonly body: string;
}

/** @throws nothing for any verdict with at least one signal */
export function probeEvent({
  time,
  listener,
  client,
  connection,
  verdict,
  head,
  body,
}: Sighting): ProbeEvent {
  const rule = verdict.rule ?? 'framing';
  const wanted = verdict.wanted ?? nothingWanted;
  // Of a banned client the request line is enough, and what it costs to keep more is the client's to choose.
  const evidence = isProbe(rule)
    ? head.slice(0, evidenceLimit) + body.slice(0, evidenceLimit)
    : head.slice(0, 1024).split('\r\n', 1)[0]!;
  const bytes = printable(redact(evidence));
  const to = destination(wanted);
  return {
    time,
    listener,
    client,
    site: verdict.site?.name ?? null,
    action: verdict.action,
    rule,
    counts: verdict.signals.some((signal) => signal.counts),
    rules: verdict.signals.map((signal) => signal.rule),
    intent: classifyIntent({ ...wanted, body }),
    destination: to === null ? null : printable(redact(to)).slice(0, 512),
    answer: verdict.answer,
    why: printable(redact(wantedSentence(rule, wanted))).slice(0, 1024),
    request: bytes.split('\\r\\n', 1)[0]!.slice(0, 1024),
    // Behind the fields that fail2ban's filter reads in their order.
    ...connection,
    bytes,
  };
}
