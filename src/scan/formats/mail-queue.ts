/** Tracks mails from arrival to delivery: who submitted each, even if a content filter submits it again. */
import { specialRange } from '../../address/special-ranges.ts';
import type { Parsed } from '../line-format.ts';
import { logEntry } from '../log-entry.ts';

export interface QueuedMail {
  /** Address of the client; empty for a local program. */
  readonly client: string;
  /** Allowed to relay: logged in, or submitted by a local program. */
  readonly trusted: boolean;
  sender: string | null;
}

/** Most mails remembered; the oldest is evicted first. */
const limit = 20_000;
/** Most recipients remembered per mail. */
const recipientLimit = 100;

export class MailQueue {
  readonly #mails = new Map<string, QueuedMail>();
  /** New queue id, as named by a filter's reply or the log → the original mail. */
  readonly #before = new Map<string, QueuedMail>();
  /** Queue id → an earlier mail with the same Message-ID. */
  readonly #same = new Map<string, { readonly id: string; readonly mail: QueuedMail }>();
  readonly #messageIds = new Map<string, { readonly id: string; readonly mail: QueuedMail }>();
  readonly #recipients = new Map<string, Set<string>>();

  arrive(id: string, mail: QueuedMail): void {
    put(this.#mails, id, mail);
  }

  /** The mail as it first arrived from outside; undefined if the log does not have its arrival. */
  original(id: string): QueuedMail | undefined {
    const mail = this.#mails.get(id);
    const before = this.#before.get(id);
    if (before === undefined) return mail;
    return mail?.sender != null && before.sender === null ? { ...before, sender: mail.sender } : before;
  }

  /** The mail delivered to a recipient, as it first arrived from outside. */
  delivering(id: string, recipient: string): QueuedMail | undefined {
    const to = recipient.toLowerCase();
    const known = this.#recipients.get(id) ?? new Set();
    if (known.size === 0) put(this.#recipients, id, known);
    if (known.size < recipientLimit) known.add(to);
    const same = this.#same.get(id);
    // Mailing lists and redirects reuse the Message-ID for other recipients, which is legitimate.
    if (same !== undefined && this.#recipients.get(same.id)?.has(to) === true) return same.mail;
    return this.original(id);
  }

  setSender(id: string, sender: string): void {
    const mail = this.#mails.get(id);
    if (mail !== undefined) mail.sender = sender;
  }

  /** A content filter submitted the mail `earlier` again, as `id`. */
  reinject(id: string, earlier: QueuedMail | undefined): void {
    if (earlier !== undefined) put(this.#before, id, earlier);
  }

  /** A local program that submits a Message-ID from outside again may be a filter. */
  setMessageId(id: string, messageId: string): void {
    const earlier = this.#messageIds.get(messageId);
    const mail = this.original(id);
    if (mail === undefined) return;
    if (earlier === undefined) put(this.#messageIds, messageId, { id, mail });
    else if (earlier.id !== id && isHere(mail.client)) put(this.#same, id, earlier);
  }

  remove(id: string): void {
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
  /** Reply code of the next server; null if not logged. */
  readonly status: number | null;
  /** Name and address of the next server; null if none was reached. */
  readonly relay: { readonly name: string; readonly address: string } | null;
  readonly result: 'relayed' | 'failed';
  /** Quoted from the log. */
  readonly said: string;
}

/** The entry of a relayed mail; `ordinary` if its sender was allowed to relay, or it stayed in the own network. */
export function relayedMail(mail: QueuedMail | undefined, delivery: Delivery): Parsed {
  const { time, recipient, status, relay, result, said } = delivery;
  if (mail === undefined || mail.trusted) return 'ordinary';
  // A relay in the own network hosts own domains, or is a filter.
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

/** A mail delivered to a local mailbox. */
export const localDelivery = (time: number | null, recipient: string): Parsed =>
  logEntry({ time, request: `RCPT TO:<${recipient}>`, mail: { recipient, sender: null, local: true } });

/** A refused recipient. @param foreign refused as relaying, so the domain is not the server's own */
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
