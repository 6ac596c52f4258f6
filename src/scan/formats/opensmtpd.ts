/** OpenSMTPD's mail log. */
import type { LineFormat, Parsed } from '../line-format.ts';
import { isoTime, syslogTime } from '../log-time.ts';
import { localDelivery, MailQueue, refusedRecipient, relayedMail } from './mail-queue.ts';

/** In a container (`smtpd -d`) lines begin with the session id. */
const line =
  /^(?:(\w{3} +\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) +(?:\S+ +)?smtpd\[\d+\]: )?([0-9a-f]{16}|(?<=: )[0-9a-f]{4,15}) (smtp|mta|mda) (.*)$/;
const value = (said: string, name: string): string | undefined =>
  new RegExp(`\\b${name}=(?:"([^"]*)"|<([^>]*)>|(\\S+))`)
    .exec(said)
    ?.slice(1)
    .find((one) => one !== undefined);

/** Most sessions remembered. */
const sessionLimit = 10_000;

interface Session {
  readonly client: string;
  loggedIn: boolean;
}

export const opensmtpd: LineFormat = {
  id: 'opensmtpd',
  title: 'OpenSMTPD mail log',
  example: [
    'Nov 10 10:00:00 mx smtpd[123]: 1a2b3c4d5e6f7a8b smtp connected address=192.0.2.7 host=example.org',
    'Nov 10 10:00:00 mx smtpd[123]: 1a2b3c4d5e6f7a8b smtp failed-command command="RCPT TO:<a@example.com>" result="550 Invalid recipient: <a@example.com>"',
  ].join('\n'),
  stateful: true,
  open(now) {
    const queue = new MailQueue();
    const sessions = new Map<string, Session>();
    return {
      parse(text) {
        const m = line.exec(text);
        if (m === null) return null;
        const [, when, session, side, said] = m;
        const time = when === undefined ? null : when.includes('T') ? isoTime(when) : syslogTime(when, now);
        if (side === 'smtp') return parseSession(sessions, queue, time, session!, said!);
        return parseDelivery(queue, time, side!, said!);
      },
    };
  },
};

function parseSession(
  sessions: Map<string, Session>,
  queue: MailQueue,
  time: number | null,
  id: string,
  said: string,
): Parsed {
  if (said.startsWith('connected ')) {
    if (sessions.size >= sessionLimit) sessions.delete(sessions.keys().next().value!);
    const client = (value(said, 'address') ?? '').replace(/^\[?(?:IPv6:)?|\]$/gi, '');
    sessions.set(id, { client: client === 'local' ? '' : client, loggedIn: false });
    return 'ordinary';
  }
  const session = sessions.get(id);
  if (said.startsWith('authentication ') && /result=(?:ok|permitted)/.test(said) && session !== undefined)
    session.loggedIn = true;
  if (said.startsWith('disconnected')) sessions.delete(id);
  const recipient = /^failed-command command="RCPT TO:\s?<([^>]*)>/i.exec(said)?.[1];
  if (recipient !== undefined) {
    const result = value(said, 'result') ?? '';
    if (!/^55[0-4] /.test(result)) return 'ordinary';
    const status = Number(result.slice(0, 3));
    // Foreign domains and unknown local users get the same reply, so `foreign` is false.
    return refusedRecipient(
      { time, client: session?.client ?? '', recipient, sender: null, status },
      false,
      result,
    );
  }
  const message = /^(?:message .*?msgid|envelope .*?evpid)=([0-9a-f]{8})/.exec(said)?.[1];
  if (message !== undefined && session !== undefined) {
    const { client, loggedIn } = session;
    queue.arrive(message, {
      client,
      trusted: loggedIn || client === '',
      sender: value(said, 'from') ?? queue.original(message)?.sender ?? null,
    });
  }
  return 'skip';
}

function parseDelivery(queue: MailQueue, time: number | null, side: string, said: string): Parsed {
  const message = /^delivery .*?evpid=([0-9a-f]{8})/.exec(said)?.[1];
  const recipient = value(said, 'to');
  if (message === undefined || recipient === undefined) return 'skip';
  const result = value(said, 'result') ?? '';
  const reached = /^ok$/i.test(result);
  if (side === 'mda') return reached ? localDelivery(time, recipient) : 'skip';
  // `rcpt` is the original recipient if a local alias changed it.
  const asked = value(said, 'rcpt');
  if (asked !== undefined && asked !== '-' && asked !== recipient) return 'skip';
  const relay = value(said, 'relay') ?? '';
  const next = /^\[?([^\s\]]+)\]?(?: \((.*)\))?$/.exec(relay);
  const reply = /^(\d{3})/.exec(value(said, 'stat') ?? '')?.[1];
  const mail = queue.original(message);
  const sender = value(said, 'from');
  return relayedMail(
    mail === undefined || mail.sender !== null ? mail : { ...mail, sender: sender ?? null },
    {
      time,
      recipient,
      status: reply === undefined ? null : Number(reply),
      relay: next === null ? null : { name: next[2] ?? next[1]!, address: next[1]!.replace(/^IPv6:/i, '') },
      result: reached ? 'relayed' : 'failed',
      said: `result=${result}, relay=${relay}`,
    },
  );
}
