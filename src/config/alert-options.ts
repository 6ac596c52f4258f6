/** The options of the `alerts` plugin → whom to tell, and of what. */
import type { AlertsConfig } from './alerts-config.ts';
import { ConfigError } from './fault.ts';
import { optionFaults, readOptions } from './plugin-options.ts';

export interface AlertsSettings {
  /** A URL that messages are posted to as JSON; or `{ url, style, secret }`, or a list of these. @default none */
  readonly webhook?: string | Webhook | readonly Webhook[];
  /** `{ smarthost, from, to }`: a server that takes mail, `smtp://` or `smtps://`. @default none */
  readonly mail?: { readonly smarthost: string; readonly from: string; readonly to: readonly string[] };
  /** Where syslog is sent to, as under `alerts.syslog` of the config: `udp://127.0.0.1:514`. @default none */
  readonly syslog?: string;
  /** Names this app in messages. @default the host name of the machine */
  readonly name?: string;
  /** Quiet that ends an attack: one message when it begins, one when it ends. @default '1m' */
  readonly digest?: string;
  /** What is told. `backend` and `journal` are the gateway's affair and do nothing here. @default everything */
  readonly when?: {
    /** A rule that was not seen before. */
    readonly first?: boolean;
    /** Probes a minute that are an attack; 0: never. */
    readonly rate?: number;
    readonly ban?: boolean;
    /** A probe that was let pass. */
    readonly passed?: boolean;
    readonly backend?: boolean;
    readonly journal?: boolean;
  };
}

export interface Webhook {
  readonly url: string;
  /** @default 'generic' */
  readonly style?: 'generic' | 'slack' | 'discord' | 'teams';
  /** Signs each message (HMAC-SHA-256). @default none */
  readonly secret?: string;
}

const known = ['webhook', 'mail', 'syslog', 'name', 'digest', 'when'] as const;

/**
 * @internal
 * @throws {ConfigError} with every fault
 */
export function compileAlerts(options: AlertsSettings): AlertsConfig {
  const faults = optionFaults('alerts', options, known);
  const { webhook, mail, syslog, name, digest, when } = options;
  const config = readOptions(
    { hosts: ['localhost'], backend: 'welcome' },
    { alerts: { webhook, mail, syslog, name, digest, when } },
    faults,
  );
  if (webhook === undefined && mail === undefined && syslog === undefined)
    faults.push({
      path: '',
      value: null,
      message: 'nobody is told',
      fix: 'write webhook, mail or syslog',
      line: null,
    });
  if (config === null || config.alerts === false || faults.length > 0)
    throw new ConfigError(faults, 'alerts');
  return config.alerts;
}
