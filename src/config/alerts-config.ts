/** `alerts` of the document → receivers, and the events they get. */
import { readValid } from './fault.ts';
import { parseDuration } from './quantity.ts';
import type { ConfigDocument } from './schema.ts';
import { parseSyslogTarget, type SyslogTarget } from './service-url.ts';

export interface WebhookConfig {
  readonly url: string;
  /** The format of the message. */
  readonly style: 'generic' | 'slack' | 'discord' | 'teams';
  /** Signs messages; null: they are not signed. */
  readonly secret: string | null;
}

/** A service with its own API. */
export interface AlertService {
  readonly kind: 'ntfy' | 'gotify' | 'telegram' | 'pagerduty' | 'alertmanager';
  readonly url: string;
  /** The bot's token, or the routing key; empty if the URL holds the credentials. */
  readonly secret: string;
  /** The chat, for Telegram; else empty. */
  readonly chat: string;
}

export interface MailConfig {
  /** `smtp://` or `smtps://` URL. */
  readonly smarthost: string;
  readonly from: string;
  readonly to: readonly string[];
}

export interface AlertsConfig {
  readonly webhooks: readonly WebhookConfig[];
  readonly mail: MailConfig | null;
  readonly syslog: SyslogTarget | null;
  readonly services: readonly AlertService[];
  /** Empty: the host name. */
  readonly name: string;
  /** Milliseconds of quiet that end an attack. */
  readonly digest: number;
  /** The language of messages to people. */
  readonly language: 'en' | 'ja';
  /** `HH:MM`, local time; null: no daily message. */
  readonly daily: string | null;
  /** The URL of the dashboard, without a slash at the end; null: messages hold no link. */
  readonly adminUrl: string | null;
  readonly when: {
    readonly first: boolean;
    /** Probes a minute; 0: never. */
    readonly rate: number;
    readonly ban: boolean;
    readonly passed: boolean;
    readonly backend: boolean;
    readonly journal: boolean;
  };
}

/** @param adminUrl the URL of the dashboard */
export function alertsConfig(
  {
    webhook,
    mail,
    syslog,
    ntfy,
    gotify,
    telegram,
    pagerduty,
    alertmanager,
    daily,
    ...rest
  }: Exclude<ConfigDocument['alerts'], false>,
  adminUrl: string | undefined,
): AlertsConfig {
  const hooks = [webhook ?? []].flat().map((hook) => (typeof hook === 'string' ? { url: hook } : hook));
  const target = syslog === undefined ? null : readValid(parseSyslogTarget(syslog));
  const services: AlertService[] = [];
  const add = (kind: AlertService['kind'], url: string | undefined, secret = '', chat = ''): void => {
    if (url !== undefined) services.push({ kind, url, secret, chat });
  };
  add('ntfy', ntfy);
  add('gotify', gotify);
  add('telegram', telegram?.url, telegram?.token, telegram?.chat);
  add('pagerduty', pagerduty?.url, pagerduty?.routingKey);
  add('alertmanager', alertmanager);
  return {
    ...rest,
    digest: parseDuration(rest.digest)!,
    daily: daily ?? null,
    adminUrl: adminUrl?.replace(/\/$/, '') ?? null,
    webhooks: hooks.map((hook) => ({ style: 'generic', secret: null, ...hook })),
    mail: mail ?? null,
    syslog: target,
    services,
  };
}
