/** Makes the event of a verdict. Pure. */
import type { Verdict } from '../judge.ts';
import { isProbe } from '../rules/catalogue.ts';
import { classifyIntent, nothingWanted } from '../rules/intent.ts';
import { destination, wantedSentence } from '../rules/wanted-sentence.ts';
import type { ConnectionFacts } from './connection.ts';
import type { ProbeEvent } from './event.ts';
import { printable, redact } from './redact.ts';

/** Most bytes of head and of body that an event keeps. */
export const evidenceLimit = 8192;

export interface Sighting {
  readonly time: number;
  readonly listener: string;
  readonly client: string;
  /** Absent: unknown. */
  readonly connection?: ConnectionFacts;
  readonly verdict: Verdict;
  /** The head as far as it was received, latin1. */
  readonly head: string;
  /** As much of the body as was read, latin1. */
  readonly body: string;
}

/** Never throws for a verdict with at least one signal. */
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
  // For banned clients only the request line is kept: they could make us store any amount.
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
    // After the fields that fail2ban's filter matches in this order.
    ...connection,
    bytes,
  };
}
