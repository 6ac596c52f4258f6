/** The config as the program works with it: checked, canonical, frozen. Plain data, so that it can go to worker threads. */
import { parsePrefix, prefixText } from '../address/ip.ts';
import type { Action, Answer, Preset, RuleId } from '../rules/catalogue.ts';
import { type BackendTarget, parseBackend } from './backend-url.ts';
import { isUnreadable } from './fault.ts';
import { type HostEntry, parseHostEntry } from './host-entry.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';
import { parseDuration, parseSize } from './quantity.ts';
import type { ConfigDocument } from './schema.ts';

export interface Config {
  readonly listen: readonly ListenAddress[];
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
  };
  readonly limits: {
    /** Bytes. */
    readonly headerBytes: number;
    /** Milliseconds. */
    readonly requestHeaders: number;
  };
  readonly bans: false | BansConfig;
  readonly rateLimit: false | RateLimitConfig;
  readonly fleet: false | FleetConfig;
  readonly admin: false | AdminConfig;
  readonly workers: number | 'auto';
  readonly log: ConfigDocument['log'];
}

export interface SiteConfig {
  readonly hosts: readonly HostEntry[];
  readonly backends: readonly BackendConfig[];
  readonly websocket: boolean;
  /** With the global policy under it: nothing else need be asked. */
  readonly policy: PolicyConfig;
  /** Null: the global one. */
  readonly rateLimit: null | false | RateBounds;
}

export type BackendConfig = BackendTarget & { readonly weight: number };

export interface PolicyConfig {
  readonly preset: Preset;
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
}

export interface RateLimitConfig extends RateBounds {
  /** Canonical prefixes. */
  readonly allow: readonly string[];
}

export interface AdminConfig {
  readonly listen: ListenAddress;
  /** Null: to be made at start. */
  readonly token: string | null;
}

/**
 * Turns a faultless document into a config.
 *
 * @param file turns a file name of the config into an absolute one
 */
export function toConfig(document: ConfigDocument, file: (name: string) => string): Config {
  const { bans, rateLimit, fleet, admin, timeouts, limits } = document;
  const policy: PolicyConfig = { preset: document.policy.preset, rules: ruleConfigs(document.policy.rules) };
  return deepFreeze<Config>({
    listen: document.listen.map(listenAddress),
    sites: document.sites.map((site) => ({
      hosts: site.hosts.map((host) => read(parseHostEntry(host))),
      backends: (site.backends ?? [{ url: site.backend! }]).map(({ url, weight }) => ({
        ...read(parseBackend(url)),
        weight: weight ?? 1,
      })),
      websocket: site.websocket,
      policy: {
        preset: site.policy?.preset ?? policy.preset,
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
    },
    limits: { headerBytes: parseSize(limits.headerBytes)!, requestHeaders: duration(limits.requestHeaders) },
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
    fleet: fleet && { ...fleet, ca: fleet.ca === undefined ? null : file(fleet.ca) },
    admin: admin && { listen: listenAddress(admin.listen), token: admin.token ?? null },
    workers: document.workers,
    log: document.log,
  });
}

/** The value behind a text that validation has passed. */
function read<T extends object>(value: T): Exclude<T, { mend: string }> {
  if (isUnreadable(value)) throw new TypeError(`validation let something pass that ${value.message}`);
  return value as Exclude<T, { mend: string }>;
}

const duration = (text: string): number => parseDuration(text)!;
const prefix = (text: string): string => prefixText(parsePrefix(text)!);
const listenAddress = (item: string | { address: string }): ListenAddress =>
  read(parseListenAddress(typeof item === 'string' ? item : item.address));

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
