/** The config as the program works with it: checked, canonical, frozen. Plain data, so that it can be sent to worker threads. */
import { randomBytes } from 'node:crypto';
import type { AcmeOptions } from '../acme/options.ts';
import type { DecoyOptions } from '../decoys/options.ts';
import type { BalancePolicy } from '../forward/balance.ts';
import type { GeoFiles } from '../geo/origins.ts';
import type { Action, Answer, Preset, RuleId } from '../rules/catalogue.ts';
import type { SmtpOptions } from '../smtp/options.ts';
import type { CertificateSource } from './acme.ts';
import type { AlertsConfig } from './alerts-config.ts';
import type { BackendTarget } from './backend-url.ts';
import type { HeaderEdits } from './header-edits.ts';
import type { HostEntry } from './host-entry.ts';
import type { ListenAddress } from './listen-address.ts';
import type { OtelConfig } from './otel.ts';
import type { ConfigDocument } from './schema.ts';

export interface Config {
  readonly listen: readonly ListenerConfig[];
  readonly sites: readonly SiteConfig[];
  /** Canonical prefixes. */
  readonly trustedProxies: readonly string[];
  readonly policy: PolicyConfig;
  readonly via: boolean;
  /** Milliseconds. */
  readonly timeouts: {
    readonly connect: number;
    readonly headers: number;
    readonly body: number;
    readonly idle: number;
    readonly upgrade: number;
    readonly drain: number;
    /** Bytes a second of a request body; 0: any rate. */
    readonly minRate: number;
  };
  readonly limits: {
    /** Bytes. */
    readonly headerBytes: number;
    /** Bytes of a body that are taken before a connection to a backend is. */
    readonly bufferedBody: number;
    readonly connectionsPerClient: number;
    /** Milliseconds. */
    readonly requestHeaders: number;
  };
  readonly bans: false | BansConfig;
  readonly rateLimit: false | RateLimitConfig;
  readonly fleet: false | FleetConfig;
  readonly admin: false | AdminConfig;
  readonly journal: false | JournalConfig;
  readonly alerts: false | AlertsConfig;
  readonly otel: false | OtelConfig;
  readonly geo: false | GeoFiles;
  readonly decoys: readonly DecoyOptions[];
  readonly smtp: false | SmtpOptions;
  /** Null: no certificates are ordered. */
  readonly acme: AcmeOptions | null;
  readonly workers: number | 'auto';
  readonly user: false | string;
  readonly group: false | string;
  readonly log: LogConfig;
}

export interface LogConfig extends Omit<ConfigDocument['log'], 'file' | 'access'> {
  readonly access: false | 'json' | 'combined';
  /** Absolute; null: stderr. */
  readonly file: string | null;
}

export interface ListenerConfig extends ListenAddress {
  /** Null: plain HTTP. Absolute file names. */
  readonly tls: readonly CertificateSource[] | null;
  /** Certificates that clients are asked for, by an absolute file name; null: none. */
  readonly clients: { readonly ca: string; readonly verify: 'require' | 'request' } | null;
  readonly proxyProtocol: boolean;
  /** Requests for our hosts are sent on to https; null: they are served. */
  readonly redirect: 'https' | null;
}

export interface HealthConfig {
  readonly path: string;
  /** Milliseconds. */
  readonly interval: number;
  /** Milliseconds. */
  readonly timeout: number;
  readonly rise: number;
  readonly fall: number;
}

export interface SiteConfig {
  readonly hosts: readonly HostEntry[];
  readonly backends: readonly BackendConfig[];
  readonly balance: BalancePolicy;
  /** The key of the cookies of `balance: cookie`. */
  readonly cookieSecret: string;
  readonly health: false | HealthConfig;
  readonly connections: {
    readonly max: number;
    readonly queue: number;
    /** Milliseconds. */
    readonly wait: number;
    /** Milliseconds. */
    readonly idle: number;
  };
  readonly backendTls: {
    /** Absolute file name. */
    readonly ca: string | null;
    readonly servername: string | null;
    readonly verify: boolean;
    /** Absolute file names, both or neither. */
    readonly cert: string | null;
    readonly key: string | null;
  };
  readonly websocket: boolean;
  readonly headers: HeaderEdits;
  /** Bytes; null: no limit. */
  readonly maxBody: number | null;
  /** Merged over the global policy, and so complete. */
  readonly policy: PolicyConfig;
  /** Null: the global one. */
  readonly rateLimit: null | false | RateBounds;
}

export type BackendConfig = BackendTarget & { readonly weight: number };

export interface PolicyConfig {
  readonly preset: Preset;
  /** The methods that pass; null: all registered ones. */
  readonly methods: readonly string[] | null;
  readonly rules: Readonly<Partial<Record<RuleId, RuleConfig>>>;
}

/** What differs from the preset. */
export interface RuleConfig {
  readonly action?: Action;
  readonly answer?: Answer;
}

export interface BansConfig {
  readonly after: number;
  /** Milliseconds. */
  readonly within: number;
  /** Milliseconds: of the first, second, … ban; the last one repeats. */
  readonly for: readonly number[];
  /** Canonical prefixes. */
  readonly allow: readonly string[];
  readonly answer: 403 | 'drop';
  /** Bits of an IPv6 address that are one client. */
  readonly prefix6: number;
  /** Absolute file names. */
  readonly lists: readonly string[];
}

export interface RateBounds {
  readonly max: number;
  /** Milliseconds. */
  readonly timeWindow: number;
}

export interface FleetConfig {
  /** URL. */
  readonly valkey: string;
  readonly name: string;
  /** Absolute file name; null: the authorities of the system. */
  readonly ca: string | null;
  /** Absolute file names of the certificate that this gateway shows, and of its key; null: it shows none. */
  readonly cert: string | null;
  readonly key: string | null;
  /** Whether this gateway's journal takes in the events of all. */
  readonly journal: boolean;
}

export interface RateLimitConfig extends RateBounds {
  /** Canonical prefixes. */
  readonly allow: readonly string[];
}

export interface AdminConfig {
  readonly listen: ListenAddress;
  /** Absolute file names; null: plain HTTP. */
  readonly tls: readonly CertificateSource[] | null;
  /** Null: to be made at start. */
  readonly token: string | null;
}

export interface JournalConfig {
  /** Absolute file name. */
  readonly path: string;
  /** Milliseconds. */
  readonly keep: number;
  /** Bytes. */
  readonly maxSize: number;
}

/** In place of a `cookieSecret`: workers get it with the config, and a reload keeps it. */
export const secretOfThisStart = randomBytes(24).toString('hex');
