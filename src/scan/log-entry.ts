/** One logged request, in any format. */
export interface LogEntry {
  /** Milliseconds since the epoch; null if not logged. */
  readonly time: number | null;
  /** The client's address, without its port; empty if not logged. */
  readonly client: string;
  /** The site that the server chose (Apache `%v`): an own name, never client input. */
  readonly vhost: string | null;
  /** The Host that the client sent. */
  readonly host: string | null;
  /** The request line, or the first bytes of other protocols; latin1, log escapes undone. */
  readonly request: string;
  /** Null if not logged (`-`, 0). */
  readonly status: number | null;
  /** Bytes of the answer; null for `-`. Formats differ in whether headers count, and do not say. */
  readonly bytes: number | null;
  /** Milliseconds. */
  readonly duration: number | null;
  readonly referer: string | null;
  readonly agent: string | null;
  /** The server that the request was forwarded to, if the log names it. */
  readonly upstream: string | null;
  /** What the log itself says about relaying, in formats that report it (squid, tinyproxy, Postfix). */
  readonly relay: RelayWord | null;
  /** A mail to one recipient, in mail logs. */
  readonly mail?: MailAttempt;
  /** The log writes every request as a URL, so a URL is no sign of absolute-form. */
  readonly writtenAsUrl?: true;
  /** A line of an error log: `relay` is about a request in the access log. */
  readonly note?: true;
}

export interface RelayWord {
  /** `backend`: forwarded to a configured server in the own network, a web server or another proxy. */
  readonly result: 'relayed' | 'refused' | 'failed' | 'backend';
  /** Quoted from the log. */
  readonly said: string;
}

export interface MailAttempt {
  readonly recipient: string;
  readonly sender: string | null;
  /** Delivered to a local mailbox, so the recipient's domain is an own name. */
  readonly local?: true;
  /** Refused as relaying: the server itself says that the domain is foreign. */
  readonly foreign?: true;
}

const nothing: LogEntry = {
  time: null,
  client: '',
  vhost: null,
  host: null,
  request: '',
  status: null,
  bytes: null,
  duration: null,
  referer: null,
  agent: null,
  upstream: null,
  relay: null,
};

/** An entry with the given fields; the others are unknown. */
export const logEntry = (fields: Partial<LogEntry>): LogEntry => ({ ...nothing, ...fields });

/** Null for `-` and the empty text, which mean "nothing" in logs. */
export const orNull = (text: string | undefined): string | null =>
  text === undefined || text === '-' || text === '' ? null : text;

export const numberOrNull = (text: string | undefined): number | null => {
  if (text === undefined || text === '' || text === '-') return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
};

/** The status; null for 0, 000 and `-`, which mean that none was sent. */
export const statusOrNull = (text: string | number | null | undefined): number | null => {
  const status = Number(text);
  return Number.isInteger(status) && status >= 100 && status <= 999 ? status : null;
};

/** The address in `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
export function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text);
  if (bracketed !== null) return bracketed[1]!;
  const colon = text.indexOf(':');
  return colon !== -1 && colon === text.lastIndexOf(':') ? text.slice(0, colon) : text;
}
