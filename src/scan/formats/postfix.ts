/** Postfix's mail log: recipients refused as relaying, and mails relayed for strangers. */
import type { LineFormat, Parsed } from '../line-format.ts';
import { isoTime, syslogTime } from '../log-time.ts';
import { localDelivery, MailQueue, refusedRecipient, relayedMail } from './mail-queue.ts';

/** A host or a log level (docker-mailserver) may precede the program. */
const line =
  /^(\w{3} +\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) +(?:\S+ +)?postfix(?:[\w-]*)\/([\w/-]+)\[\d+\]: (.*)$/;
const refused =
  /^(?:NOQUEUE|[0-9A-Za-z]+): reject: RCPT from [^[\s]*\[([^\]]+)\](?::\d+)?: (\d{3}) .*?(?:Relay access denied|[Rr]elaying denied|not permitted to relay).*?(?:from=<([^>]*)> )?to=<([^>]*)>/;
const accepted = /^([0-9A-Za-z]+): client=[^[\s]*\[([^\]]+)\](.*)$/;
const handedIn = /^([0-9A-Za-z]+): uid=\d+ from=<([^>]*)>/;
const messageId = /^([0-9A-Za-z]+): (?:resent-)?message-id=(\S+)/;
const from = /^([0-9A-Za-z]+): from=<([^>]*)>/;
const delivery = /^([0-9A-Za-z]+): to=<([^>]*)>,.* relay=([^,]+),.* status=(\w+) \((\d{3})?(.*)$/;
const queuedAs = /queued as ([0-9A-Za-z]{6,})/;
const gone = /^([0-9A-Za-z]+): removed/;

export const postfix: LineFormat = {
  id: 'postfix',
  title: 'Postfix mail log',
  example:
    'Nov 10 10:00:00 mx postfix/smtpd[100]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 <a@example.com>: Relay access denied; from=<b@example.org> to=<a@example.com> proto=ESMTP helo=<x>',
  stateful: true,
  open: (now) => {
    const queue = new MailQueue();
    return {
      parse(text) {
        const m = line.exec(text);
        if (m === null) return null;
        const time = m[1]!.includes('T') ? isoTime(m[1]!) : syslogTime(m[1]!, now);
        return parsePostfix(queue, time, m[2]!.slice(m[2]!.lastIndexOf('/') + 1), m[3]!);
      },
    };
  },
};

function parsePostfix(queue: MailQueue, time: number | null, program: string, said: string): Parsed {
  const refusal = refused.exec(said);
  if (refusal !== null) {
    const fields = {
      time,
      client: refusal[1]!,
      recipient: refusal[4]!,
      sender: refusal[3] ?? null,
      status: Number(refusal[2]),
    };
    return refusedRecipient(fields, true, 'Relay access denied');
  }
  if (said.startsWith('connect from ')) return 'ordinary';
  const acceptance = accepted.exec(said);
  if (acceptance !== null) {
    const [, id, client, rest] = acceptance;
    queue.arrive(id!, { client: client!, trusted: rest!.includes('sasl_username='), sender: null });
    // XFORWARD: a filter names the original client of the mail that it returns.
    const earlier = /orig_queue_id=([0-9A-Za-z]+)/.exec(rest!)?.[1];
    const origin = /orig_client=[^[\s]*\[([^\]]+)\]/.exec(rest!)?.[1];
    queue.reinject(
      id!,
      (earlier === undefined ? undefined : queue.original(earlier)) ??
        (origin === undefined ? undefined : { client: origin, trusted: false, sender: null }),
    );
    return 'skip';
  }
  const local = handedIn.exec(said);
  if (local !== null) {
    queue.arrive(local[1]!, { client: '', trusted: true, sender: local[2]! });
    return 'skip';
  }
  const id = messageId.exec(said);
  if (id !== null) {
    queue.setMessageId(id[1]!, id[2]!);
    return 'skip';
  }
  const sender = from.exec(said);
  if (sender !== null) {
    queue.setSender(sender[1]!, sender[2]!);
    return 'skip';
  }
  const sent = delivery.exec(said);
  if (sent !== null) return parseDelivery(queue, time, program, said, sent);
  const removed = gone.exec(said);
  if (removed !== null) queue.remove(removed[1]!);
  return 'skip';
}

function parseDelivery(
  queue: MailQueue,
  time: number | null,
  program: string,
  said: string,
  [, id, recipient, next, status, code, reply]: readonly (string | undefined)[],
): Parsed {
  const mail = queue.delivering(id!, recipient!);
  if (status === 'sent') {
    // `lmtp` and `pipe` may deliver to filters; Dovecot's socket or its `Saved` reply means a mailbox.
    const mailbox =
      program === 'local' || program === 'virtual' || (program === 'lmtp' && /dovecot|Saved/i.test(said));
    if (mailbox) return localDelivery(time, recipient!);
    const again = queuedAs.exec(reply!)?.[1];
    if (again !== undefined) queue.reinject(again, mail);
  }
  // `orig_to`: a local alias forwarded the mail, as its owner wished.
  if (program !== 'smtp' || said.includes(' orig_to=<')) return 'skip';
  const relay = /^(\S+?)\[([^\]]+)\]/.exec(next!);
  return relayedMail(mail, {
    time,
    recipient: recipient!,
    status: code === undefined ? null : Number(code),
    relay: relay === null ? null : { name: relay[1]!, address: relay[2]! },
    result: status === 'sent' ? 'relayed' : 'failed',
    said: `status=${status}, relay=${next}`,
  });
}
