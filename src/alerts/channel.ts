import type { AlertMessage } from './message.ts';

/** A receiver of alerts. */
export interface Channel {
  /** For the log: `webhook hooks.example.net`, or `webhook[1] …` for the second of several. Contains no secret. */
  readonly name: string;
  /** @throws {Undeliverable} if a retry is pointless; any other error: retry */
  send(message: AlertMessage): Promise<void>;
  close(): void;
}

/** The receiver rejected the message for good. */
export class Undeliverable extends Error {}
