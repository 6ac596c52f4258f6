/** One request as a log tells of it, whatever the format. */
export interface LogEntry {
  /** Milliseconds since the epoch; null where the log does not say. */
  readonly time: number | null;
  /** The peer's address as text, without its port; empty where the log does not say. */
  readonly client: string;
  /** The name of the site that the server chose (Apache `%v`): one of its own, never what a client wrote. */
  readonly vhost: string | null;
  /** The Host that the client wrote. */
  readonly host: string | null;
  /** The request line, or the first bytes where it was none; one character a byte, log escapes undone. */
  readonly request: string;
  /** Null where none was logged (`-`, 0). */
  readonly status: number | null;
  /** Bytes of the answer; null where the log has `-`. With headers or without: formats differ, and do not say. */
  readonly bytes: number | null;
  /** Milliseconds. */
  readonly duration: number | null;
  readonly referer: string | null;
  readonly agent: string | null;
  /** The server that the request was passed on to, where the log names one. */
  readonly upstream: string | null;
  /** What the log itself says about relaying, where its format has words for that (squid, tinyproxy, Postfix). */
  readonly relay: RelayWord | null;
  /** A mail to one recipient, of logs that hold no request lines. */
  readonly mail?: MailAttempt;
  /** The log writes every request as a URL: no sign of absolute-form. */
  readonly writtenAsUrl?: true;
  /** A line of an error log: no request of its own, but `relay` tells of one that the access log holds. */
  readonly note?: true;
}

export interface RelayWord {
  /** `backend`: passed to a server of the own network that the config names, a web server or one more proxy. */
  readonly result: 'relayed' | 'refused' | 'failed' | 'backend';
  /** The words of the log. */
  readonly said: string;
}

export interface MailAttempt {
  readonly recipient: string;
  readonly sender: string | null;
  /** Put into a mailbox of this server: the recipient's domain is one of its own. */
  readonly here?: true;
  /** Refused because the server does not relay there: it says itself that the domain is foreign. */
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

/** An entry with the given fields; the rest unknown. */
export const logEntry = (fields: Partial<LogEntry>): LogEntry => ({ ...nothing, ...fields });

/** `-` and the empty text are how logs write that there was nothing. */
export const orNull = (text: string | undefined): string | null =>
  text === undefined || text === '-' || text === '' ? null : text;

export const numberOrNull = (text: string | undefined): number | null => {
  if (text === undefined || text === '' || text === '-') return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
};

/** A status; 0, 000 and `-` are how logs write that none was sent. */
export const statusOrNull = (text: string | number | null | undefined): number | null => {
  const status = Number(text);
  return Number.isInteger(status) && status >= 100 && status <= 999 ? status : null;
};

/** `192.0.2.1:4711`, `[2001:db8::1]:4711` → the address. */
export function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text);
  if (bracketed !== null) return bracketed[1]!;
  const colon = text.indexOf(':');
  return colon !== -1 && colon === text.lastIndexOf(':') ? text.slice(0, colon) : text;
}
