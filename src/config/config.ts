/** The config as the program works with it: checked, canonical, frozen. Plain data, so that it can go to worker threads. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AcmeOptions } from '../acme/options.ts';
import { parsePrefix, prefixText } from '../address/ip.ts';
import type { DecoyOptions, decoyOptions } from '../decoys/options.ts';
import type { BalancePolicy } from '../forward/balance.ts';
import type { GeoFiles } from '../geo/origins.ts';
import type { Action, Answer, Preset, RuleId } from '../rules/catalogue.ts';
import type { SmtpOptions, smtpOptions } from '../smtp/options.ts';
import { httpMethods, registeredMethods } from '../wire/methods.ts';
import { acmeOptions, type CertificateSource, certificateSources, type TlsItem } from './acme.ts';
import { type AlertsConfig, alertsConfig } from './alerts-config.ts';
import { type BackendTarget, parseBackend } from './backend-url.ts';
import { isUnreadable } from './fault.ts';
import { type HeaderEdits, headerEdits } from './header-edits.ts';
import { type HostEntry, parseHostEntry } from './host-entry.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { type OtelConfig, otelConfig } from './otel.ts';
import { parseDuration, parseSize } from './quantity.ts';
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
  /** What the cookies of `balance: cookie` are made with. */
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
  /** Bytes; null: as many as come. */
  readonly maxBody: number | null;
  /** With the global policy under it: nothing else need be asked. */
  readonly policy: PolicyConfig;
  /** Null: the global one. */
  readonly rateLimit: null | false | RateBounds;
}

export type BackendConfig = BackendTarget & { readonly weight: number };

export interface PolicyConfig {
  readonly preset: Preset;
  /** Those that pass; null: all that are registered. */
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

/** The readers of what only the program has. */
export interface ProgramParts {
  readonly decoy: typeof decoyOptions;
  readonly smtp: typeof smtpOptions;
}

/**
 * Turns a faultless document into a config.
 *
 * @param file turns a file name of the config into an absolute one
 * @param parts null: the document has none of them
 */
export function toConfig(
  document: ConfigDocument,
  file: (name: string) => string,
  parts: ProgramParts | null,
): Config {
  const { bans, rateLimit, fleet, admin, journal, alerts, geo, timeouts, limits } = document;
  const policy: PolicyConfig = {
    preset: document.policy.preset,
    methods: passing(document.policy.methods),
    rules: ruleConfigs(document.policy.rules),
  };
  const acme = acmeOptions(document, file);
  const listen = document.listen.map((item) => listener(item, acme, file));
  const ofSites = listen.flatMap(({ tls }) => tls ?? []);
  return deepFreeze<Config>({
    listen,
    sites: document.sites.map((site) => ({
      hosts: site.hosts.map((host) => read(parseHostEntry(host))),
      backends: (site.backends ?? [{ url: site.backend! }]).map(({ url, weight }) => ({
        ...read(parseBackend(url)),
        weight: weight ?? 1,
      })),
      balance: site.balance,
      cookieSecret: site.cookieSecret ?? secretOfThisStart,
      health: site.health && {
        ...site.health,
        interval: duration(site.health.interval),
        timeout: duration(site.health.timeout),
      },
      connections: {
        ...site.connections,
        wait: duration(site.connections.wait),
        idle: duration(site.connections.idle),
      },
      backendTls: {
        ca: site.backendTls.ca === undefined ? null : file(site.backendTls.ca),
        servername: site.backendTls.servername ?? null,
        verify: site.backendTls.verify,
        cert: site.backendTls.cert === undefined ? null : file(site.backendTls.cert),
        key: site.backendTls.key === undefined ? null : file(site.backendTls.key),
      },
      websocket: site.websocket,
      headers: headerEdits(site.headers),
      maxBody: site.maxBody === undefined ? null : parseSize(site.maxBody)!,
      policy: {
        preset: site.policy?.preset ?? policy.preset,
        methods: site.policy?.methods === undefined ? policy.methods : passing(site.policy.methods),
        rules: mergeRules(policy.rules, ruleConfigs(site.policy?.rules ?? {})),
      },
      rateLimit:
        site.rateLimit === undefined
          ? null
          : site.rateLimit && { ...site.rateLimit, timeWindow: duration(site.rateLimit.timeWindow) },
    })),
    trustedProxies: document.trustedProxies.map(prefix),
    policy,
    via: document.via,
    timeouts: {
      connect: duration(timeouts.connect),
      headers: duration(timeouts.headers),
      body: duration(timeouts.body),
      idle: duration(timeouts.idle),
      upgrade: duration(timeouts.upgrade),
      drain: duration(timeouts.drain),
      minRate: timeouts.minRate,
    },
    limits: {
      headerBytes: parseSize(limits.headerBytes)!,
      requestHeaders: duration(limits.requestHeaders),
      bufferedBody: parseSize(limits.bufferedBody)!,
      connectionsPerClient: limits.connectionsPerClient,
    },
    bans: bans && {
      ...bans,
      within: duration(bans.within),
      for: bans.for.map(duration),
      allow: bans.allow.map(prefix),
      lists: bans.lists.map(file),
    },
    rateLimit: rateLimit && {
      ...rateLimit,
      timeWindow: duration(rateLimit.timeWindow),
      allow: rateLimit.allow.map(prefix),
    },
    fleet: fleet && {
      ...fleet,
      ca: fleet.ca === undefined ? null : file(fleet.ca),
      cert: fleet.cert === undefined ? null : file(fleet.cert),
      key: fleet.key === undefined ? null : file(fleet.key),
    },
    admin: admin && {
      listen: listenAddress(admin.listen),
      tls: certificateSources(admin.tls, acme, file, ofSites),
      token: admin.token ?? null,
    },
    journal: journal && {
      path: file(journal.path),
      keep: duration(journal.keep),
      maxSize: parseSize(journal.maxSize)!,
    },
    alerts: alerts && alertsConfig(alerts, admin === false ? undefined : admin.url),
    otel: otelConfig(document.otel),
    geo: geo && {
      country: geo.country === undefined ? null : file(geo.country),
      asn: geo.asn === undefined ? null : file(geo.asn),
    },
    decoys: parts === null ? [] : document.decoys.map((decoy) => parts.decoy(decoy, duration)),
    smtp:
      parts !== null &&
      document.smtp &&
      parts.smtp(document.smtp, {
        duration,
        size: (text) => parseSize(text)!,
        path: file,
        certificates: (tls) => certificateSources(tls, acme, file, ofSites),
        file: (name) => readFileSync(file(name), 'latin1'),
        trustedProxies: document.trustedProxies.map(prefix),
      }),
    acme,
    workers: document.workers,
    user: document.user,
    group: document.group,
    log: {
      ...document.log,
      access: document.log.access === true ? 'json' : document.log.access,
      file: document.log.file === undefined ? null : file(document.log.file),
    },
  });
}

/** The value behind a text that validation has passed. */
function read<T extends object>(value: T): Exclude<T, { fix: string }> {
  if (isUnreadable(value)) throw new TypeError(`validation let something pass that ${value.message}`);
  return value as Exclude<T, { fix: string }>;
}

const duration = (text: string): number => parseDuration(text)!;
const prefix = (text: string): string => prefixText(parsePrefix(text)!);
const listenAddress = (text: string): ListenAddress => read(parseListenAddress(text));

function listener(
  item: ConfigDocument['listen'][number],
  acme: AcmeOptions | null,
  file: (name: string) => string,
): ListenerConfig {
  if (typeof item === 'string')
    return { ...listenAddress(item), tls: null, clients: null, proxyProtocol: false, redirect: null };
  const { address, tls, proxyProtocol, redirect } = item;
  const clients = [tls ?? []].flat().flatMap((one) => ('clients' in one && one.clients) || [])[0];
  return {
    ...listenAddress(address),
    tls: certificateSources(tls as TlsItem | undefined, acme, file),
    clients: clients === undefined ? null : { ca: file(clients.ca), verify: clients.verify ?? 'require' },
    proxyProtocol: proxyProtocol === true,
    redirect: redirect ?? null,
  };
}

function passing(names: readonly string[]): readonly string[] | null {
  const own = names.filter((name) => name !== registeredMethods && !httpMethods.has(name));
  if (!names.includes(registeredMethods)) return names;
  return own.length === 0 ? null : [...httpMethods, ...own];
}

function ruleConfigs(rules: Readonly<Record<string, unknown>>): PolicyConfig['rules'] {
  const entries = Object.entries(rules).filter(([, rule]) => rule !== undefined);
  return Object.fromEntries(
    entries.map(([id, rule]) => [id, typeof rule === 'string' ? { action: rule } : rule]),
  ) as PolicyConfig['rules'];
}

function mergeRules(under: PolicyConfig['rules'], over: PolicyConfig['rules']): PolicyConfig['rules'] {
  const merged: Partial<Record<RuleId, RuleConfig>> = { ...under };
  for (const [id, rule] of Object.entries(over) as [RuleId, RuleConfig][])
    merged[id] = { ...merged[id], ...rule };
  return merged;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
