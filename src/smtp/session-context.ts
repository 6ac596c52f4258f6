/** What a session is given. */
import type { EventSink } from '../events/event.ts';
import type { Certificates } from '../listener/certificates.ts';
import type { RuleId } from '../rules/catalogue.ts';
import type { MailPolicy } from '../rules/smtp.ts';
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
  /** The client is in `relayFrom`. */
  readonly mayRelay: boolean;
  readonly onEvent: EventSink;
  /** A CR or LF that stands alone is made CRLF. */
  readonly normalizes: boolean;
  /** Told at the end of a session that asked for nothing but recipients that a rule refuses. */
  readonly onOffence: (rule: RuleId) => void;
  /** Told of each message of the client that the mail server took. */
  readonly onDelivered: () => void;
  readonly log: SmtpLog;
}

export const listenerName = ({ localAddress, localPort }: ClientEnds): string =>
  `smtp ${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
