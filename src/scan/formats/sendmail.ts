/** sendmail's mail log. */
import type { LineFormat, Parsed } from '../line-format.ts';
import { isoTime, syslogTime } from '../log-time.ts';
import { localDelivery, MailQueue, refusedRecipient, relayedMail } from './mail-queue.ts';

const line =
  /^(\w{3} +\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) +(?:\S+ +)?(?:sendmail|sm-mta|sm-msp-queue|sm-que|sendmail-in)\[(\d+)\]: (?:([0-9A-Za-z]+): )?(.*)$/;
const refused = /^ruleset=check_rcpt, arg1=<?([^>,]*)>?, relay=(.*?), reject=(\d{3}) (.*)$/;
const arrival = /^from=<?([^>,]*)>?, .*?\brelay=(.*)$/;
const delivery = /^to=(\S+?), .*?mailer=(\w+), .*?(?:relay=(.*?), )?dsn=[\d.]+, stat=(.*)$/;
/** The relay: `name [address] (may be forged)`, `[address]` or `user@localhost`. */
const address = /\[(?:IPv6:)?([^\]]+)\]/;

/** Most logged-in sessions remembered. */
const sessionLimit = 10_000;

export const sendmail: LineFormat = {
  id: 'sendmail',
  title: 'sendmail mail log',
  example:
    'Nov 10 10:00:00 mx sm-mta[14582]: 6AAA00x1014582: ruleset=check_rcpt, arg1=<a@example.com>, relay=[192.0.2.7], reject=550 5.7.1 <a@example.com>... Relaying denied',
  stateful: true,
  open(now) {
    const queue = new MailQueue();
    const loggedIn = new Set<string>();
    return {
      parse(text) {
        const m = line.exec(text);
        if (m === null) return null;
        const [, when, pid, id, said] = m;
        const time = when!.includes('T') ? isoTime(when!) : syslogTime(when!, now);
        if (said!.startsWith('AUTH=server')) {
          if (loggedIn.size >= sessionLimit) loggedIn.clear();
          loggedIn.add(pid!);
          return 'skip';
        }
        return parseSendmail(queue, time, id ?? '', said!, loggedIn.has(pid!));
      },
    };
  },
};

function parseSendmail(
  queue: MailQueue,
  time: number | null,
  id: string,
  said: string,
  loggedIn: boolean,
): Parsed {
  const refusal = refused.exec(said);
  if (refusal !== null) {
    const relaying = /relaying denied/i.test(refusal[4]!);
    const fields = {
      time,
      client: address.exec(refusal[2]!)?.[1] ?? '',
      recipient: refusal[1]!,
      sender: null,
      status: Number(refusal[3]),
    };
    return relaying ? refusedRecipient(fields, true, refusal[4]!) : 'ordinary';
  }
  const arrived = arrival.exec(said);
  if (arrived !== null) {
    const client = address.exec(arrived[2]!)?.[1] ?? '';
    queue.arrive(id, { client, trusted: loggedIn || client === '', sender: arrived[1]! });
    const messageId = /\bmsgid=(<[^>]*>)/.exec(said)?.[1];
    if (messageId !== undefined) queue.setMessageId(id, messageId);
    return 'ordinary';
  }
  const sent = delivery.exec(said);
  if (sent === null) return 'skip';
  const [, to, mailer, relay, state] = sent;
  const recipient = to!.split(',', 1)[0]!.replace(/^<|>$/g, '');
  const reached = state!.startsWith('Sent');
  const mail = queue.delivering(id, recipient);
  if (mailer === 'local' || mailer === 'lmtp') return reached ? localDelivery(time, recipient) : 'skip';
  // `ctladdr`: a local alias or .forward file forwarded the mail.
  if (!/^e?smtp|^relay/.test(mailer!) || said.includes('ctladdr=')) return 'skip';
  const next = address.exec(relay ?? '')?.[1];
  return relayedMail(mail, {
    time,
    recipient,
    status: null,
    relay: next === undefined ? null : { name: relay!.split(' ', 1)[0]!.replace(/\.$/, ''), address: next },
    result: reached ? 'relayed' : 'failed',
    said: `stat=${state!.slice(0, 100)}, relay=${relay ?? 'none'}`,
  });
}
