/** What a session is given. */
import type { ConnectionFacts } from '../events/connection.ts';
import type { EventSink } from '../events/event.ts';
import type { Certificates } from '../listener/certificates.ts';
import type { RuleId } from '../rules/catalogue.ts';
import type { MailPolicy } from '../rules/smtp.ts';
import type { AcceptedMail } from './accepted-mail.ts';
import type { Accounts } from './accounts.ts';
import type { Backends } from './backends.ts';
import type { DoorOptions, SmtpOptions } from './options.ts';
import type { ClientEnds } from './proxy-header.ts';

/** Where the guard writes what an operator should read; pino's shape. */
export interface SmtpLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SessionContext {
  readonly options: SmtpOptions;
  /** The settings of the listener that the client came to. */
  readonly door: DoorOptions;
  /** What is ours, the literal of this connection included. */
  readonly policy: MailPolicy;
  readonly backends: Backends;
  /** Null: no TLS. */
  readonly certificates: Certificates | null;
  readonly ends: ClientEnds;
  /** What the client is counted by, as `clientPrefix` writes it. */
  readonly prefix: string;
  readonly accounts: Accounts;
  /** The client is in `relayFrom`. */
  readonly mayRelay: boolean;
  readonly onEvent: EventSink;
  /** A CR or LF that stands alone is made CRLF. */
  readonly normalizes: boolean;
  /** Whether the client is banned by now, perhaps for what it has just been seen at. */
  readonly isBanned: () => boolean;
  /** Told of a failed sign-in, and of a session that asked for nothing but recipients that a rule refuses. */
  readonly onOffence: (rule: RuleId) => void;
  readonly onDelivered: (mail: AcceptedMail) => void;
  readonly log: SmtpLog;
}

/** What events tell of the connection. */
export const connectionOf = (ends: ClientEnds): ConnectionFacts => ({
  clientPort: ends.port,
  localAddress: ends.localAddress,
  localPort: ends.localPort,
  session: ends.session,
  protocol: 'smtp',
});

export const listenerName = ({ localAddress, localPort }: ClientEnds): string =>
  `smtp ${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
