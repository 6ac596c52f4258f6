/** What a session gets from the guard. */
import type { ConnectionFacts } from '../events/connection.ts';
import type { EventSink } from '../events/event.ts';
import type { Certificates } from '../listener/certificates.ts';
import type { RuleId } from '../rules/catalogue.ts';
import type { MailPolicy } from '../rules/smtp.ts';
import type { AcceptedMail } from './accepted-mail.ts';
import type { Accounts } from './accounts.ts';
import type { Backends } from './backends.ts';
import type { ListenerOptions, SmtpOptions } from './options.ts';
import type { ClientEnds } from './proxy-header.ts';

/** The guard's log, in pino's shape. */
export interface SmtpLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SessionContext {
  readonly options: SmtpOptions;
  /** Settings of the listener the client connected to. */
  readonly listener: ListenerOptions;
  /** Our domains, including the address literal of this connection. */
  readonly policy: MailPolicy;
  readonly backends: Backends;
  /** Null: no TLS. */
  readonly certificates: Certificates | null;
  readonly ends: ClientEnds;
  /** The client's counting prefix, as `clientPrefix` writes it. */
  readonly prefix: string;
  readonly accounts: Accounts;
  /** The client is in `relayFrom`. */
  readonly mayRelay: boolean;
  readonly onEvent: EventSink;
  /** Turn a bare CR or LF into CRLF. */
  readonly normalizes: boolean;
  /** Whether the client is banned now, perhaps for its last command. */
  readonly isBanned: () => boolean;
  /** Called for a failed sign-in, and for a session that asked only for recipients that a rule refuses. */
  readonly onOffence: (rule: RuleId) => void;
  readonly onDelivered: (mail: AcceptedMail) => void;
  readonly log: SmtpLog;
}

/** The connection's facts in events. */
export const connectionOf = (ends: ClientEnds): ConnectionFacts => ({
  clientPort: ends.port,
  localAddress: ends.localAddress,
  localPort: ends.localPort,
  session: ends.session,
  protocol: 'smtp',
});

export const listenerName = ({ localAddress, localPort }: ClientEnds): string =>
  `smtp ${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
