/** Postfix's mail log: recipients refused as relaying, and mail that a stranger had sent on to somebody else's server. */
import { specialRange } from '../../address/special-ranges.ts';
import type { LineFormat } from '../line-format.ts';
import { logEntry } from '../log-entry.ts';
import { isoTime, syslogTime } from '../log-time.ts';

const line =
  /^(\w{3} +\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) (?:\S+ )?postfix(?:[\w-]*)\/([\w/-]+)\[\d+\]: (.*)$/;
const refused =
  /^(?:NOQUEUE|[0-9A-Za-z]+): reject: RCPT from \S*?\[([^\]]+)\](?::\d+)?: (\d{3}) .*?(?:Relay access denied|[Rr]elaying denied|not permitted to relay).*?(?:from=<([^>]*)> )?to=<([^>]*)>/;
const accepted = /^([0-9A-Za-z]+): client=\S*?\[([^\]]+)\](.*)$/;
const from = /^([0-9A-Za-z]+): from=<([^>]*)>/;
const delivery = /^([0-9A-Za-z]+): to=<([^>]*)>,.* relay=([^,]+),.* status=(\w+) \((\d{3})?/;
const gone = /^([0-9A-Za-z]+): removed/;

/** Messages in the queue that are remembered; the oldest is forgotten first. */
const queueLimit = 20_000;

interface Message {
  client: string;
  /** Let in by right: logged in, or from the own network. */
  trusted: boolean;
  sender: string | null;
}

export const postfix: LineFormat = {
  id: 'postfix',
  title: 'Postfix mail log',
  open: (now) => {
    const queue = new Map<string, Message>();
    return {
      parse(text) {
        const m = line.exec(text);
        if (m === null) return null;
        const said = m[3]!;
        const time = m[1]!.includes('T') ? isoTime(m[1]!) : syslogTime(m[1]!, now);
        const no = refused.exec(said);
        if (no !== null) {
          return logEntry({
            time,
            client: no[1]!,
            request: `RCPT TO:<${no[4]}>`,
            status: Number(no[2]),
            mail: { recipient: no[4]!, sender: no[3] ?? null },
            relay: { result: 'refused', said: 'Relay access denied' },
          });
        }
        const yes = accepted.exec(said);
        if (yes !== null) {
          if (queue.size >= queueLimit) queue.delete(queue.keys().next().value!);
          const range = specialRange(yes[2]!);
          queue.set(yes[1]!, {
            client: yes[2]!,
            trusted: yes[3]!.includes('sasl_username=') || range !== 'public',
            sender: null,
          });
          return 'skip';
        }
        const sender = from.exec(said);
        if (sender !== null) {
          const message = queue.get(sender[1]!);
          if (message !== undefined) message.sender = sender[2]!;
          return 'skip';
        }
        // `orig_to`: an alias of ours sent it on, as its owner wished.
        const sent = m[2] === 'smtp' && !said.includes(' orig_to=<') ? delivery.exec(said) : null;
        if (sent !== null) {
          const message = queue.get(sent[1]!);
          const relay = /^(\S+?)\[([^\]]+)\]/.exec(sent[3]!);
          // A relay in the own network is where the own domains live.
          if (
            message === undefined ||
            message.trusted ||
            (relay !== null && specialRange(relay[2]!) !== 'public')
          )
            return 'skip';
          return logEntry({
            time,
            client: message.client,
            request: `RCPT TO:<${sent[2]}>`,
            status: sent[5] === undefined ? null : Number(sent[5]),
            upstream: relay?.[1] ?? null,
            mail: { recipient: sent[2]!, sender: message.sender },
            relay: {
              result: sent[4] === 'sent' ? 'relayed' : 'failed',
              said: `status=${sent[4]}, relay=${sent[3]}`,
            },
          });
        }
        const removed = gone.exec(said);
        if (removed !== null) queue.delete(removed[1]!);
        return 'skip';
      },
    };
  },
};
