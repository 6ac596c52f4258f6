/** Exim's main log. */
import { specialRange } from '../../address/special-ranges.ts';
import type { LineFormat, Parsed } from '../line-format.ts';
import { isoTime } from '../log-time.ts';
import { localDelivery, MailQueue, refusedRecipient, relayedMail } from './mail-queue.ts';

/** `2026-11-10 10:00:00[.123] [+0100] [[pid]] …` */
const line = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?) (?:\[\d+\] )?(.*)$/;
/** Ids have 6-6-2 characters, since 4.97 6-11-4. */
const id = `([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4})`;
const arrival = new RegExp(`^${id} <= (\\S+) (.*)$`);
const delivery = new RegExp(`^${id} (=>|->|>>|\\*\\*|==) (.*)$`);
const completed = new RegExp(`^${id} Completed`);
const known = new RegExp(
  `^(?:${id} |H=|no host name found|SMTP |unexpected disconnection|TLS error|rejected |Start queue run|End queue run|exim .* daemon started|refused connection|\\S+ authenticator failed)`,
);
const host = / ?H=(?:(\S+) )?(?:\(([^)]*)\) )?\[([^\]]+)\](?::\d+)?/;
const refused = /rejected RCPT <([^>]*)>: ?(.*)$/;

export const exim: LineFormat = {
  id: 'exim',
  title: 'Exim main log',
  example:
    '2026-11-10 10:00:00 H=(x) [192.0.2.7]:5555 F=<a@example.org> rejected RCPT <b@example.com>: relay not permitted',
  stateful: true,
  open() {
    const queue = new MailQueue();
    return {
      parse(text) {
        const m = line.exec(text);
        if (m === null || !known.test(m[2]!)) return null;
        return parseExim(queue, isoTime(m[1]!), m[2]!);
      },
    };
  },
};

function parseExim(queue: MailQueue, time: number | null, said: string): Parsed {
  const refusal = refused.exec(said);
  if (refusal !== null) {
    const relaying = /relay|not permitted|authentication required/i.test(refusal[2]!);
    if (!relaying) return 'ordinary';
    const fields = {
      time,
      client: host.exec(said)?.[3] ?? '',
      recipient: refusal[1]!,
      sender: / F=<([^>]*)>/.exec(said)?.[1] ?? null,
      // Exim logs no code; a denied RCPT gets 550.
      status: 550,
    };
    return refusedRecipient(fields, /relay/i.test(refusal[2]!), refusal[2]!);
  }
  const arrived = arrival.exec(said);
  if (arrived !== null) {
    const [, id, sender, rest] = arrived;
    const client = host.exec(` ${rest}`)?.[3] ?? '';
    // `A=plain_login:user`: logged in. Without a host: submitted by a local program.
    const trusted = client === '' || / A=\S/.test(` ${rest}`);
    queue.arrive(id!, { client, trusted, sender: sender === '<>' ? '' : sender! });
    const messageId = / id=(\S+)/.exec(` ${rest}`)?.[1];
    if (messageId !== undefined) queue.setMessageId(id!, messageId);
    return 'ordinary';
  }
  const sent = delivery.exec(said);
  if (sent !== null) return parseDelivery(queue, time, sent);
  const done = completed.exec(said);
  if (done !== null) queue.remove(done[1]!);
  return 'skip';
}

function parseDelivery(queue: MailQueue, time: number | null, [, id, arrow, rest]: RegExpExecArray): Parsed {
  const address = /^(\S+?):? (?:.*?<([^>]*)> )?/.exec(`${rest} `)!;
  const recipient = address[1]!.replace(/^<|>$/g, '');
  const first = address[2] ?? null;
  const mail = queue.delivering(id!, recipient);
  const next = host.exec(` ${rest}`);
  const reached = arrow === '=>' || arrow === '->' || arrow === '>>';
  if (reached && next === null) {
    const mailbox = first ?? recipient;
    return / T=(?:\S*(?:local|mail|dovecot|lmtp|virtual)\S*)/i.test(rest!)
      ? localDelivery(time, mailbox)
      : 'skip';
  }
  // The angle brackets have the original recipient: a local alias or forward changed it.
  if (first !== null && first.toLowerCase() !== recipient.toLowerCase()) return 'skip';
  const reply = / C="(\d{3})?/.exec(rest!)?.[1];
  const name = next?.[1] ?? next?.[2] ?? next?.[3] ?? '';
  if (next !== null && reached && specialRange(next[3]!) !== 'public') {
    const again = / C="[^"]*id=([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4})/.exec(rest!)?.[1];
    if (again !== undefined) queue.reinject(again, mail);
  }
  return relayedMail(mail, {
    time,
    recipient,
    status: reply === undefined ? null : Number(reply),
    relay: next === null ? null : { name, address: next[3]! },
    result: reached ? 'relayed' : 'failed',
    said: `${arrow} ${recipient}${next === null ? '' : ` H=${name} [${next[3]}]`}`,
  });
}
