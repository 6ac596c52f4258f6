/** Builds the event of a refusal. Pure. */
import type { ConnectionFacts } from '../events/connection.ts';
import type { ProbeEvent } from '../events/event.ts';
import { printable, redact } from '../events/redact.ts';
import { byCatalogueOrder, catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';
import { writeMailbox } from '../wire/smtp-path.ts';
import type { EffectiveDestination } from '../wire/source-route.ts';

/** Bytes of a session kept in an event, before the offending line and of it. */
const evidenceLimit = 4096;

export interface MailSighting {
  readonly time: number;
  readonly listener: string;
  readonly client: string;
  readonly connection: ConnectionFacts;
  readonly rules: readonly RuleId[];
  /** Where the mail would have gone; null if no address was named. */
  readonly effective: EffectiveDestination | null;
  /** The code of the reply; null: the command was let pass. */
  readonly answer: number | 'drop' | null;
  /** The offending line or bytes, latin1. */
  readonly request: string;
  /** The commands before it that give it its context, each with its CRLF, latin1. Without credentials. */
  readonly before: string;
}

export function mailEvent(seen: MailSighting): ProbeEvent {
  const rules = [...seen.rules].sort(byCatalogueOrder);
  const rule = rules[0] ?? 'smtp-malformed-path';
  const mailbox = seen.effective === null ? '' : writeMailbox(seen.effective);
  const destination = mailbox === '' ? null : printable(mailbox).slice(0, 512);
  const { seeks } = catalogue[rule] as Rule;
  const request = printable(redact(seen.request.slice(0, evidenceLimit)));
  return {
    time: seen.time,
    listener: seen.listener,
    client: seen.client,
    site: null,
    action: seen.answer === null ? 'flag' : 'block',
    rule,
    // One line is no proof: the client may be a mail provider. Bans count whole sessions (`Conduct.offence`).
    counts: false,
    rules,
    intent: 'mail-relay',
    destination,
    answer: seen.answer,
    why: `The sender wanted ${seeks}${destination === null ? '' : `: ${destination}`}.`,
    request: request.slice(0, 1024),
    ...seen.connection,
    bytes: printable(redact(seen.before.slice(-evidenceLimit))) + request,
  };
}
