/** A message the mail server accepted: one log line, and the totals for the metrics. */
import type { Conversation } from './conversation.ts';
import type { SmtpLog } from './session-context.ts';

export interface AcceptedMail {
  readonly listener: string;
  readonly client: string;
  /** Null: not authenticated. */
  readonly account: string | null;
  readonly helo: string;
  /** Empty for the null reverse-path. */
  readonly from: string;
  readonly to: readonly string[];
  /** Octets as received. */
  readonly size: number;
  readonly tls: string | null;
  /** The mail server's final reply, which holds its queue id. */
  readonly reply: string;
}

/** Recipients named in a log line; its field `recipients` has the full count. */
const mostNamed = 50;

export function acceptedMail(
  { context, server, client, account, transaction }: Conversation,
  listener: string,
  size: number,
  reply: string,
): AcceptedMail {
  return {
    listener,
    client: context.ends.address,
    account,
    helo: shown(server.helo?.slice(5) ?? ''),
    from: shown(transaction?.sender ?? ''),
    to: transaction?.recipients.map(shown) ?? [],
    size,
    tls: client.tls?.version ?? null,
    reply: shown(reply),
  };
}

export function logMail(log: SmtpLog, { to, ...mail }: AcceptedMail): void {
  const named = to.slice(0, mostNamed);
  const more = to.length > mostNamed ? ` and ${to.length - mostNamed} more` : '';
  const by = mail.account === null ? '' : ` by ${mail.account}`;
  log.info(
    { event: 'mail', ...mail, to: named, recipients: to.length },
    `mail <${mail.from}> to ${named.map((one) => `<${one}>`).join(', ')}${more} from ${mail.client}${by}: ${mail.reply}`,
  );
}

/** Decodes UTF-8 and replaces control and bidi characters, which a terminal would obey. */
const shown = (latin1: string): string =>
  Buffer.from(latin1, 'latin1')
    .toString('utf8')
    .replace(/[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]/g, '?')
    .slice(0, 320);

/** Totals since the start. */
export interface MailCounts {
  messages: number;
  recipients: number;
  bytes: number;
}
