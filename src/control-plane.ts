/**
 * What lives once a gateway, however many processes carry its requests: journal, alerts, metrics, admin server. Its
 * inputs are plain data, so that they can come from workers.
 */
import type { Logger } from 'pino';
import type { Config } from './config/config.ts';
import type { CountersSnapshot } from './events/counters.ts';
import type { EventSink } from './events/event.ts';

export interface ControlPlane {
  /** Takes every probe event. Never throws, never blocks. */
  readonly onEvent: EventSink;
  /** `admin http://127.0.0.1:9090`, once it accepts; none without an admin listener. */
  readonly listeners: readonly string[];
  /** The token that was made because none is configured, to be shown once. */
  readonly madeToken: string | null;
  /** Tells whether the gateway takes requests: what `/readyz` answers. */
  setReady(ready: boolean): void;
  /** Puts another config in force. The admin listener stays where it is. */
  reload(config: Config): Promise<void>;
  /** Writes what is not written yet and ends everything. */
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly log: Logger;
  /** The counts of every process that carries requests, as they stand. */
  readonly counters: () => readonly CountersSnapshot[] | Promise<readonly CountersSnapshot[]>;
}

/** @throws Error where the admin listener cannot bind; nothing is left running then */
export async function startControlPlane(
  _config: Config,
  _options: ControlPlaneOptions,
): Promise<ControlPlane> {
  return {
    onEvent: () => {},
    listeners: [],
    madeToken: null,
    setReady: () => {},
    reload: async () => {},
    close: async () => {},
  };
}
