/** Builds the event of a request to a decoy. */
import type { ConnectionFacts } from '../events/connection.ts';
import type { ProbeEvent } from '../events/event.ts';
import { probeEvent } from '../events/probe-event.ts';
import { printable, redact } from '../events/redact.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';
import { writeMailbox } from '../wire/smtp-path.ts';
import type { Asked } from './conversation.ts';
import { credentialHash } from './credentials.ts';

/** The client, and the decoy's listener. */
export interface Ends {
  readonly client: string;
  readonly listener: string;
  readonly connection: ConnectionFacts;
}

export function askedEvent(asked: Asked, { client, listener, connection: facts }: Ends): ProbeEvent {
  const time = Date.now();
  const connection: ConnectionFacts = {
    ...facts,
    ...(asked.command === undefined ? {} : { command: asked.command }),
    ...(asked.offered === undefined ? {} : { credentialHash: credentialHash(asked.offered) }),
  };
  if (asked.kind === 'verdict') {
    const { head, body, answer } = asked;
    const verdict = { ...asked.verdict, answer };
    return probeEvent({ time, listener, client, connection, verdict, head, body });
  }
  const { rules, recipient, line, before, answer } = asked;
  const rule = rules[0]!;
  const destination = recipient === null ? '' : printable(writeMailbox(recipient.effective)).slice(0, 512);
  const { seeks }: Rule = catalogue[rule];
  return {
    time,
    listener,
    client,
    site: null,
    action: 'block',
    rule,
    counts: true,
    rules,
    intent: 'mail-relay',
    destination: destination === '' ? null : destination,
    answer,
    why: `The sender wanted ${seeks}${destination === '' ? '' : `: ${destination}`}.`,
    request: printable(redact(line)).slice(0, 1024),
    ...connection,
    bytes: printable(redact(`${before}${line}`)),
  };
}
