/** The options of the `alerts` plugin → receivers, and the events they get. */
import type { AlertsConfig } from './alerts-config.ts';
import { ConfigError } from './fault.ts';
import { optionFaults, readOptions } from './plugin-options.ts';

export interface AlertsSettings {
  /** A URL that messages are posted to as JSON; or `{ url, style, secret }`, or a list of these. @default none */
  readonly webhook?: string | Webhook | readonly Webhook[];
  /** `{ smarthost, from, to }`: a mail server, `smtp://` or `smtps://`. @default none */
  readonly mail?: { readonly smarthost: string; readonly from: string; readonly to: readonly string[] };
  /** The syslog server, as `alerts.syslog` of the config: `udp://127.0.0.1:514`. @default none */
  readonly syslog?: string;
  /** The name of this app in messages. @default the host name of the machine */
  readonly name?: string;
  /** An attack ends after this much quiet; there is one message when it begins and one when it ends. @default '1m' */
  readonly digest?: string;
  /** Which events are reported. `backend` and `journal` are for the gateway and do nothing here. @default all */
  readonly when?: {
    /** The first probe of a rule. */
    readonly first?: boolean;
    /** More probes than this in a minute are an attack; 0: never. */
    readonly rate?: number;
    readonly ban?: boolean;
    /** A probe that was passed on. */
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
      message: 'there is no receiver',
      fix: 'write webhook, mail or syslog',
      line: null,
    });
  if (config === null || config.alerts === false || faults.length > 0)
    throw new ConfigError(faults, 'alerts');
  return config.alerts;
}
