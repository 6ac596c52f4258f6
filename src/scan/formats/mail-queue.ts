/** Mails between their arrival and their delivery: who handed each in, even where a content filter hands it in again. */
import { specialRange } from '../../address/special-ranges.ts';
import type { Parsed } from '../line-format.ts';
import { logEntry } from '../log-entry.ts';

export interface QueuedMail {
  /** Address of the client; empty for a program of this machine. */
  readonly client: string;
  /** Let in by right: logged in, or handed in by a program of this machine. */
  readonly trusted: boolean;
  sender: string | null;
}

/** Mails that are remembered; the oldest is forgotten first. */
const limit = 20_000;
/** Recipients of one mail that are remembered. */
const recipientLimit = 100;

export class MailQueue {
  readonly #mails = new Map<string, QueuedMail>();
  /** Queue id that a filter's answer or a log names → the mail that it was before. */
  readonly #before = new Map<string, QueuedMail>();
  /** Queue id → an earlier mail of the same Message-ID. */
  readonly #same = new Map<string, { readonly id: string; readonly mail: QueuedMail }>();
  readonly #messageIds = new Map<string, { readonly id: string; readonly mail: QueuedMail }>();
  readonly #recipients = new Map<string, Set<string>>();

  arrive(id: string, mail: QueuedMail): void {
    put(this.#mails, id, mail);
  }

  /** The mail as it first came in from outside; undefined where the log does not hold its arrival. */
  of(id: string): QueuedMail | undefined {
    const mail = this.#mails.get(id);
    const before = this.#before.get(id);
    if (before === undefined) return mail;
    return mail?.sender != null && before.sender === null ? { ...before, sender: mail.sender } : before;
  }

  /** The mail that is delivered to a recipient, as it first came in from outside. */
  delivering(id: string, recipient: string): QueuedMail | undefined {
    const to = recipient.toLowerCase();
    const known = this.#recipients.get(id) ?? new Set();
    if (known.size === 0) put(this.#recipients, id, known);
    if (known.size < recipientLimit) known.add(to);
    const same = this.#same.get(id);
    // A mailing list and a redirection send the same Message-ID on, but to others: that is theirs to do.
    if (same !== undefined && this.#recipients.get(same.id)?.has(to) === true) return same.mail;
    return this.of(id);
  }

  setSender(id: string, sender: string): void {
    const mail = this.#mails.get(id);
    if (mail !== undefined) mail.sender = sender;
  }

  /** `id` is the mail `earlier` once more, as a content filter gave it back. */
  reinject(id: string, earlier: QueuedMail | undefined): void {
    if (earlier !== undefined) put(this.#before, id, earlier);
  }

  /** A program of this machine that hands in a Message-ID that came from outside may be a filter. */
  setMessageId(id: string, messageId: string): void {
    const earlier = this.#messageIds.get(messageId);
    const mail = this.of(id);
    if (mail === undefined) return;
    if (earlier === undefined) put(this.#messageIds, messageId, { id, mail });
    else if (earlier.id !== id && isHere(mail.client)) put(this.#same, id, earlier);
  }

  gone(id: string): void {
    this.#mails.delete(id);
    this.#before.delete(id);
    this.#same.delete(id);
  }
}

const isHere = (client: string): boolean => client === '' || specialRange(client) === 'loopback';

function put<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= limit) map.delete(map.keys().next().value!);
  map.set(key, value);
}

export interface Delivery {
  readonly time: number | null;
  readonly recipient: string;
  /** Reply code of the next server; null where none is logged. */
  readonly status: number | null;
  /** Name and address of the next server; null where none was reached. */
  readonly relay: { readonly name: string; readonly address: string } | null;
  readonly result: 'relayed' | 'failed';
  /** The words of the log. */
  readonly said: string;
}

/** A mail that was sent on, as an entry; `ordinary` where its sender had the right to it, or it stayed in the own network. */
export function sentOn(mail: QueuedMail | undefined, delivery: Delivery): Parsed {
  const { time, recipient, status, relay, result, said } = delivery;
  if (mail === undefined || mail.trusted) return 'ordinary';
  // A relay in the own network is where the own domains live, or a filter.
  if (relay !== null && specialRange(relay.address) !== 'public') return 'ordinary';
  return logEntry({
    time,
    client: mail.client,
    request: `RCPT TO:<${recipient}>`,
    status,
    upstream: relay?.name ?? null,
    mail: { recipient, sender: mail.sender },
    relay: { result, said },
  });
}

/** A mail that was put into a mailbox of this server. */
export const keptHere = (time: number | null, recipient: string): Parsed =>
  logEntry({ time, request: `RCPT TO:<${recipient}>`, mail: { recipient, sender: null, here: true } });

/** A recipient that was refused. @param foreign because the server does not relay there, by its own words */
export function refusedRecipient(
  fields: {
    readonly time: number | null;
    readonly client: string;
    readonly recipient: string;
    readonly sender: string | null;
    readonly status: number | null;
  },
  foreign: boolean,
  said: string,
): Parsed {
  const { time, client, recipient, sender, status } = fields;
  return logEntry({
    time,
    client,
    request: `RCPT TO:<${recipient}>`,
    status,
    mail: { recipient, sender, ...(foreign ? { foreign } : {}) },
    relay: { result: 'refused', said },
  });
}
